import type { Diagnostic, Trust, Value, WorkflowDefinition } from "@windrow/model";
import type { NewJob, NewRun, RepositoryRow } from "@windrow/store";
import {
  matchTriggers,
  type ParseResult,
  readDispatchInputs,
  resolveJobs,
  type TriggerEvent,
  type TriggerMatch,
} from "@windrow/workflow";
import { countNeeds, NEEDS_MAX } from "../runs/count-needs.ts";
import { toNewJob } from "../runs/new-job.ts";
import type { Changes } from "./changed-paths.ts";
import { type LoadCalledDeps, loadCalled } from "./load-called.ts";
import { type FileTriggers, listTriggers, parseFiles } from "./parse-files.ts";
import { type CommitContent, WORKFLOW_FILES_MAX, WORKFLOW_FOLDERS, type WorkflowFile } from "./read-workflow-files.ts";

const TITLE_CHARS_MAX = 200;

/** Everything about a trigger that does not depend on the workflow file. */
export interface Trigger {
  readonly event: TriggerEvent;
  readonly repository: RepositoryRow;
  readonly publicUrl: string;
  readonly content: CommitContent;
  /** Where the repository's objects are. */
  readonly folder: string;
  readonly scope: NewRun["scope"];
  readonly ref: string;
  readonly beforeSha: string | null;
  readonly actor: string;
  readonly pushId: number | null;
  /** Trusted when absent. */
  readonly trust?: Trust;
  readonly headRef?: string;
  readonly baseRef?: string;
  /** The event's document for the workflow of that path, with the inputs of a dispatch as texts. */
  readonly document: (workflowPath: string, inputs: Readonly<Record<string, string>>) => string;
  /** What was given for the inputs of a dispatch. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** Which run's end, or which workflow of the default branch, is behind it. */
  readonly cause?: { readonly runId: number; readonly depth: number };
  /** The title where the file has no `run-name`; the head of the commit's message when absent. */
  readonly title?: string;
  /** Only this file (path, file name, or name in it), whatever its `on:` says when `always` is set. */
  readonly chosen?: { readonly workflow: string; readonly always: boolean };
  /** A file whose `on:` cannot be read starts nothing unless it was chosen: whoever asks by hand is told in a note. */
  readonly notesBroken?: boolean;
  /** Asked once, and only when a path filter needs to know. */
  readonly changes?: () => Promise<Changes | undefined>;
}

export interface PreparedRuns {
  readonly runs: readonly NewRun[];
  /** Why what did not start did not, a sentence per file. */
  readonly notes: readonly string[];
  /** True when a workflow was chosen and there is none of that name. */
  readonly isUnknown: boolean;
  /** What every file that could be read starts for. */
  readonly triggers: readonly FileTriggers[];
}

/** Which runs a trigger starts: files → definitions → those whose `on:` matches → rows. Broken files become broken runs. */
export async function prepareRuns(trigger: Trigger, deps: LoadCalledDeps): Promise<PreparedRuns> {
  const { parser } = deps;
  const { content } = trigger;
  const notes: string[] = [];
  const runs: NewRun[] = [];
  if (content.files.length === 0) notes.push(`there is no workflow file in ${WORKFLOW_FOLDERS.join(" or ")}`);
  if (content.filesLeftOut > 0) {
    notes.push(`${content.filesLeftOut} workflow files were not read: the limit is ${WORKFLOW_FILES_MAX}`);
  }
  const parsed = await parseFiles(content, parser);
  const chosen = trigger.chosen;
  const candidates =
    chosen === undefined
      ? parsed
      : parsed.filter(({ file, result }) => isChosen(chosen.workflow, file.path, result.definition?.name));
  if (chosen !== undefined && candidates.length === 0 && parsed.length > 0) {
    notes.push(
      `there is no workflow '${chosen.workflow}' (there are ${content.files.map((file) => file.path).join(", ")})`,
    );
  }
  for (const { file, result } of candidates) {
    const [problem] = result.diagnostics;
    // a file whose `on:` cannot be read is told to everybody who pushes
    const triggers = result.definition?.triggers ?? (result.triggers?.length ? result.triggers : undefined);
    if (triggers === undefined && chosen === undefined && trigger.notesBroken === true) {
      notes.push(`${file.path}: ${problem === undefined ? "its `on:` cannot be read" : describeProblem(problem)}`);
      continue;
    }
    const isAsked = chosen?.always === true || triggers === undefined;
    const match = isAsked ? { matches: true as const } : await matchWithPaths(triggers, trigger);
    if (!match.matches) {
      notes.push(`${file.path}: ${match.reason}`);
      continue;
    }
    const given = readInputs(trigger, result.definition);
    if ("problems" in given) notes.push(`${file.path}: ${given.problems.join("; ")}`);
    else runs.push(makeRun(trigger, await withCalled(trigger, file, result, deps), given));
  }
  const isUnknown = chosen !== undefined && candidates.length === 0;
  return { runs, notes, isUnknown, triggers: listTriggers(parsed) };
}

function describeProblem({ line, column, message }: Diagnostic): string {
  return `it cannot be read (line ${line}, column ${column}: ${message})`;
}

function isChosen(wanted: string, path: string, name: string | undefined): boolean {
  const fileName = path.slice(path.lastIndexOf("/") + 1);
  return [path, fileName, fileName.replace(/\.ya?ml$/, ""), name].includes(wanted);
}

/** Computing changed paths takes processes, so they are asked for only after everything else matched. */
async function matchWithPaths(triggers: WorkflowDefinition["triggers"], trigger: Trigger): Promise<TriggerMatch> {
  const match = matchTriggers({ triggers }, trigger.event);
  const { event } = trigger;
  if (!match.matches || trigger.changes === undefined) return match;
  if (event.event !== "push" && event.event !== "pull_request" && event.event !== "pull_request_target") return match;
  const filter = triggers.find((one) => one.event === event.event);
  if (filter?.paths === undefined && filter?.pathsIgnore === undefined) return match;
  const changes = await trigger.changes();
  if (changes === undefined) return match;
  const { paths: changedPaths, commitCount } = changes;
  return matchTriggers({ triggers }, { ...event, changedPaths, commitCount });
}

interface Given {
  /** Typed. */
  readonly inputs: { readonly [name: string]: Value };
  readonly eventInputs: { readonly [name: string]: string };
}

/** What a dispatch gave a workflow, by what the file says of its inputs. */
function readInputs(
  { event, inputs = {} }: Trigger,
  definition: WorkflowDefinition | undefined,
): Given | { readonly problems: readonly string[] } {
  if (event.event !== "workflow_dispatch" || definition === undefined) return { inputs: {}, eventInputs: {} };
  const declared = definition.triggers.find((one) => one.event === "workflow_dispatch")?.inputs ?? [];
  return readDispatchInputs(declared, inputs);
}

interface LoadedFile {
  readonly file: WorkflowFile;
  /** Null when it, or what it calls, has errors. */
  readonly definition: WorkflowDefinition | null;
  readonly diagnostics: readonly Diagnostic[];
}

async function withCalled(
  { repository, content, folder, ref, trust = "trusted" }: Trigger,
  file: WorkflowFile,
  { definition, diagnostics }: ParseResult,
  deps: LoadCalledDeps,
): Promise<LoadedFile> {
  if (definition === undefined) return { file, definition: null, diagnostics };
  if (!definition.jobs.some((job) => job.call !== undefined)) return { file, definition, diagnostics };
  const { owner, name } = repository;
  const place = { folder, owner, repository: `${owner}/${name}`, ref, sha: content.commit.sha, trust };
  const loaded = await loadCalled(deps, place, definition);
  const isBroken = loaded.diagnostics.some((one) => one.severity === "error");
  return {
    file,
    definition: isBroken ? null : loaded.definition,
    diagnostics: [...diagnostics, ...loaded.diagnostics],
  };
}

function makeRun(trigger: Trigger, { file, definition, diagnostics }: LoadedFile, given: Given): NewRun {
  const { repository, content } = trigger;
  const [title = ""] = content.commit.message.split("\n", 1);
  const common = {
    repositoryId: repository.id,
    owner: repository.owner,
    pushId: trigger.pushId,
    scope: trigger.scope,
    trust: trigger.trust ?? "trusted",
    eventName: trigger.event.event === "other" ? trigger.event.name : trigger.event.event,
    eventJson: trigger.document(file.path, given.eventInputs),
    inputs: given.inputs,
    headRef: trigger.headRef ?? "",
    baseRef: trigger.baseRef ?? "",
    ...(trigger.cause === undefined ? {} : { causeRunId: trigger.cause.runId, depth: trigger.cause.depth }),
    hasFollowers: repository.has_followers && trigger.scope !== "try",
    ref: trigger.ref,
    sha: content.commit.sha,
    beforeSha: trigger.beforeSha,
    title: (trigger.title ?? title).slice(0, TITLE_CHARS_MAX),
    actor: trigger.actor,
    workflowPath: file.path,
    workflowName: definition?.name ?? file.path,
  };
  if (definition === null) return { ...common, definition: null, diagnostics, jobs: [] };
  const jobs = listJobs(definition, common, trigger);
  const needsCount = countNeeds(jobs);
  if (needsCount <= NEEDS_MAX) return { ...common, definition, diagnostics, jobs };
  const excess: Diagnostic = {
    severity: "error",
    code: "limit-needs",
    message: `'needs' between expanded jobs come to ${needsCount}; the limit is ${NEEDS_MAX}`,
    hint: "put a job without a matrix between two large matrices",
    file: file.path,
    line: 1,
    column: 1,
  };
  return { ...common, definition: null, diagnostics: [...diagnostics, excess], jobs: [] };
}

function listJobs(
  definition: WorkflowDefinition,
  run: Omit<NewRun, "definition" | "diagnostics" | "jobs">,
  { repository, publicUrl }: Trigger,
): NewJob[] {
  const fullName = `${repository.owner}/${repository.name}`;
  const source = { repository: fullName, path: run.workflowPath, ref: run.ref, sha: run.sha };
  const { headRef = "", baseRef = "", inputs = {} } = run;
  const facts = {
    ...run,
    repository: fullName,
    // not known before the run has its row; names that use them are completed when the job is made ready
    triggeringActor: run.actor,
    headRef,
    baseRef,
    eventDigest: "",
    runId: 0,
    runNumber: 0,
    runAttempt: 1,
    defaultBranch: repository.default_branch,
    publicUrl,
  };
  const seeds = resolveJobs({ scope: { definition, source, inputs }, vars: {}, facts });
  return seeds.map((seed) => toNewJob(seed));
}
