import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AGENT_PLACES, JOB_PLACES, linkMemoryFolder } from "./memory-folder.ts";

export interface AgentFolders {
  readonly agentDir: string;
  readonly journalPath: string;
  /** One folder per attempt: what job and supervisor tell each other; the agent's alone, in memory where possible. */
  readonly sitesDir: string;
  /** One folder per attempt: workspace, home, temporary files, which are the job's, and its spooled output, which is not. */
  readonly workRootDir: string;
  /** Work folders on their way out; same file system as `workRootDir`. */
  readonly trashDir: string;
  /** The same for `sitesDir`; in it, with a dot, so that no sweep takes it for a site. */
  readonly siteTrashDir: string;
  /** Trees of actions, tools by version, and the Node that runs actions: the agent's, readable by every job. */
  readonly actionsDir: string;
  readonly toolsDir: string;
  readonly runtimesDir: string;
  /** Copies of hosted repositories under names that only their own jobs are told. */
  readonly mirrorsDir: string;
  /** Where the small files by which a job and its agent talk are held in memory; undefined where they stand on the disk. */
  readonly memoryFiles: MemoryFiles | undefined;
}

export interface MemoryFiles {
  /** One folder per attempt; slot users walk through it. */
  readonly rootDir: string;
  /** In it, with a dot, so that no sweep takes it for an attempt's. */
  readonly trashDir: string;
}

/**
 * Makes the agent's folders. As root, jobs run as users that must be able to walk to their work folders: where a parent
 * of `agentDir` forbids that, the work folders stand in /var/lib/windrow.
 */
export function makeAgentFolders(agentDir: string, hasSlotUsers: boolean): AgentFolders {
  // a parent that is missing is made for slot users to walk through, as in a container that has only just begun
  mkdirSync(dirname(agentDir), { recursive: true, mode: 0o711 });
  mkdirSync(agentDir, { recursive: true, mode: 0o700 });
  const isReachable = !hasSlotUsers || isWalkable(dirname(agentDir));
  const base = isReachable ? agentDir : join("/var/lib/windrow", `agent-${shortDigest(agentDir)}`);
  mkdirSync(base, { recursive: true, mode: 0o711 });
  // Slot users walk through, and cannot list: every file of the agent's in here is mode 600, every folder 700.
  chmodSync(base, hasSlotUsers ? 0o711 : 0o700);
  if (base !== agentDir) chmodSync(agentDir, 0o700);
  const folders = {
    agentDir,
    journalPath: join(agentDir, "journal.jsonl"),
    sitesDir: sitesDirOf(agentDir),
    workRootDir: join(base, "work"),
    trashDir: join(base, "trash"),
    siteTrashDir: join(sitesDirOf(agentDir), ".trash"),
    actionsDir: join(base, "actions"),
    toolsDir: join(base, "tools"),
    runtimesDir: join(base, "runtimes"),
    mirrorsDir: join(base, "mirrors"),
  };
  linkMemoryFolder(folders.sitesDir, shortDigest(agentDir), AGENT_PLACES);
  for (const [folder, mode] of [
    [folders.sitesDir, 0o700],
    [folders.workRootDir, hasSlotUsers ? 0o711 : 0o700],
    [folders.trashDir, 0o700],
    [folders.siteTrashDir, 0o700],
    [folders.actionsDir, hasSlotUsers ? 0o711 : 0o700],
    [folders.toolsDir, hasSlotUsers ? 0o755 : 0o700],
    [folders.runtimesDir, hasSlotUsers ? 0o711 : 0o700],
    [folders.mirrorsDir, hasSlotUsers ? 0o711 : 0o700],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, mode);
  }
  return { ...folders, memoryFiles: hasSlotUsers ? makeMemoryFiles(agentDir) : undefined };
}

/** Leads to the files of jobs where they are held in memory. */
export const filesLinkOf = (agentDir: string): string => join(agentDir, "job-files");

function makeMemoryFiles(agentDir: string): MemoryFiles | undefined {
  const link = filesLinkOf(agentDir);
  if (!linkMemoryFolder(link, shortDigest(agentDir), JOB_PLACES)) return undefined;
  // The place itself, since slot users cannot walk through the agent's folder.
  const rootDir = readlinkSync(link);
  const trashDir = join(rootDir, ".trash");
  mkdirSync(trashDir, { recursive: true, mode: 0o700 });
  chmodSync(rootDir, 0o711);
  return { rootDir, trashDir };
}

/** Where the site folders of an agent are found. */
export const sitesDirOf = (agentDir: string): string => join(agentDir, "sites");

function isWalkable(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

const shortDigest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);
