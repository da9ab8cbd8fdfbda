import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { ContainerFacts, ContainerMount } from "@windrow/backends";
import type { JobFiles } from "./job-files.ts";
import { createPathTable, type PathPair, type PathTable, SAME_PATHS } from "./path-table.ts";

/** What the steps of a job see: on the machine itself, or in the job's container. */
export interface JobView extends PathTable {
  readonly isInContainer: boolean;
  readonly workspaceDir: string;
  readonly homeDir: string;
  readonly tempDir: string;
  /** `RUNNER_WORKSPACE`: the folder around the workspace. */
  readonly workDir: string;
  readonly toolCacheDir: string;
  /** Under every step: the machine's PATH and the like, or what the image sets. */
  readonly baseEnv: { readonly [name: string]: string };
  /** The same without what the workflow gives its container: for what holds credentials. */
  readonly ownEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
  /** Of the container; undefined on the machine, where programs are looked for. */
  readonly tools: readonly string[] | undefined;
  readonly isMusl: boolean;
  /** Where the agent's Node stands in a container. */
  readonly nodePath: string | undefined;
}

/** Beside the job's home, and part of it: what setup actions put there is the job's own. */
export const TOOL_CACHE_NAME = ".tool-cache";
/** Files that a container may write; beside them stand those that it may only read. */
export const COMMANDS_NAME = "commands";

export interface MachineViewOptions {
  readonly files: JobFiles;
  readonly machineEnv: { readonly [name: string]: string };
  readonly networkEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
}

export function viewMachine({ files, machineEnv, networkEnv, hasBash }: MachineViewOptions): JobView {
  const { workspaceDir, homeDir, tempDir, workDir } = files.work;
  return {
    ...SAME_PATHS,
    isInContainer: false,
    ...{ workspaceDir, homeDir, tempDir, workDir },
    toolCacheDir: join(homeDir, TOOL_CACHE_NAME),
    baseEnv: { ...machineEnv, ...networkEnv },
    ownEnv: { ...machineEnv, ...networkEnv },
    hasBash,
    tools: undefined,
    isMusl: false,
    nodePath: undefined,
  };
}

export interface ContainerPlacesOptions {
  readonly files: JobFiles;
  /** `owner/name`. */
  readonly repository: string;
  readonly actionsDir: string;
  /** Had in the same place. */
  readonly toolDirs: readonly string[];
}

const HOME = "/github/home";
const WORKFLOW = "/github/workflow";
const NODE = "/__e/node24/bin/node";

/** What of the machine a job's container has, and where: all of it is mounted. */
export function placeJobContainer({
  files,
  repository,
  actionsDir,
  toolDirs,
}: ContainerPlacesOptions): ContainerMount[] {
  const { workspaceDir, homeDir, tempDir } = files.work;
  return [
    { source: workspaceDir, target: `${workFolder(repository)}/${nameOf(repository)}` },
    { source: tempDir, target: "/__w/_temp" },
    // scripts and the event: nothing that a container could put in the place of a later step's script
    { source: files.dir, target: WORKFLOW, isReadOnly: true },
    { source: join(files.dir, COMMANDS_NAME), target: "/__w/_temp/_runner_file_commands" },
    { source: actionsDir, target: "/__w/_actions", isReadOnly: true },
    { source: homeDir, target: HOME },
    { source: join(homeDir, TOOL_CACHE_NAME), target: "/__t" },
    { source: realpathSync(process.execPath), target: NODE, isReadOnly: true },
    ...toolDirs.map((dir) => ({ source: dir, target: dir, isReadOnly: true })),
  ];
}

const nameOf = (repository: string): string => repository.slice(repository.indexOf("/") + 1);
const workFolder = (repository: string): string => `/__w/${nameOf(repository)}`;

/** What a container without a PATH of its image gets. */
const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ContainerViewOptions extends ContainerPlacesOptions {
  readonly facts: ContainerFacts;
  /** What the workflow gives the container. */
  readonly env: { readonly [name: string]: string };
  readonly networkEnv: { readonly [name: string]: string };
}

export function viewJobContainer(options: ContainerViewOptions): JobView {
  const { facts, repository } = options;
  const pairs = placeJobContainer(options).map(({ source, target }): PathPair => ({ machine: source, seen: target }));
  const ofImage = Object.entries(facts.env).filter(([name]) => !(name in options.env));
  const ownEnv = { PATH: PATH_DEFAULT, ...Object.fromEntries(ofImage), ...options.networkEnv };
  return {
    ...createPathTable(pairs),
    isInContainer: true,
    workspaceDir: `${workFolder(repository)}/${nameOf(repository)}`,
    homeDir: HOME,
    tempDir: "/__w/_temp",
    workDir: workFolder(repository),
    toolCacheDir: "/__t",
    baseEnv: { ...ownEnv, ...options.env },
    ownEnv,
    hasBash: facts.tools.includes("bash"),
    tools: facts.tools,
    isMusl: facts.isMusl,
    nodePath: NODE,
  };
}

/** Folders of the job that every Docker action has. */
export const DOCKER_ACTION_FOLDERS: readonly { readonly seen: string; readonly of: (files: JobFiles) => string }[] = [
  { seen: "/github/workspace", of: ({ work }) => work.workspaceDir },
  { seen: HOME, of: ({ work }) => work.homeDir },
  { seen: "/github/runner_temp", of: ({ work }) => work.tempDir },
];

export interface ActionPlacesOptions {
  readonly files: JobFiles;
  /** Those of the step, on the machine. */
  readonly stepFiles: readonly string[];
}

/** What of the machine a Docker action has, and where. Its folders of files hold only what is its own. */
export function placeDockerAction({ files, stepFiles }: ActionPlacesOptions): ContainerMount[] {
  return [
    ...DOCKER_ACTION_FOLDERS.map(({ seen, of }) => ({ source: of(files), target: seen })),
    { source: join(files.dir, "event.json"), target: `${WORKFLOW}/event.json`, isReadOnly: true },
    ...stepFiles.map((file) => ({
      source: file,
      target: `/github/file_commands/${file.slice(file.lastIndexOf("/") + 1)}`,
    })),
  ];
}

/** How a Docker action sees what the rest of the job calls by its own names, which may be those of its container. */
export function viewDockerAction(job: PathTable, mounts: readonly ContainerMount[]): PathTable {
  const table = createPathTable(mounts.map(({ source, target }) => ({ machine: source, seen: target })));
  return { show: (path) => table.show(job.find(path)), find: table.find };
}
