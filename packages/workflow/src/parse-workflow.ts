import type { Diagnostic, JobDefinition, Trigger, WorkflowDefinition } from "@windrow/model";
import { checkExpressions } from "./check/check-expressions.ts";
import { checkNeeds } from "./check/check-needs.ts";
import { Diagnostics } from "./diagnostics.ts";
import { JOBS_MAX } from "./limits.ts";
import { readConcurrency } from "./read/read-concurrency.ts";
import { readDefaults } from "./read/read-defaults.ts";
import { readFile, WORKFLOW_FILE } from "./read/read-file.ts";
import { type ReadJob, readJob } from "./read/read-job.ts";
import { readPermissions } from "./read/read-permissions.ts";
import { readTriggers } from "./read/read-triggers.ts";
import { refuse } from "./read/refuse.ts";
import { type Entry, entriesOf, positionOf, readOpenMap, readTemplateText } from "./read/tokens.ts";

export interface ParseResult {
  /** Present when there is no error among the diagnostics. */
  readonly definition?: WorkflowDefinition;
  /** What `on:` says, also where the rest of the file is refused; absent when the file could not be read so far. */
  readonly triggers?: readonly Trigger[];
  readonly diagnostics: readonly Diagnostic[];
}

type Draft = { -readonly [Key in keyof WorkflowDefinition]: WorkflowDefinition[Key] };

/**
 * Reads one workflow file. Never throws for what stands in the file: every complaint is a diagnostic with file, line
 * and column, and one mistake does not hide the next.
 */
export function parseWorkflow({ path, text }: { path: string; text: string }): ParseResult {
  const collected = new Diagnostics(path);
  const file = readFile({ path, text, kind: WORKFLOW_FILE }, collected);
  if (file === undefined) return { diagnostics: collected.list() };
  const diagnostics = collected.through(file.locate);
  const draft: Draft = { path, env: [], defaults: {}, triggers: [], jobs: [] };
  const entries = entriesOf(file.root);
  let jobs: readonly ReadJob[] = [];
  for (const entry of entries) {
    if (entry.key === "jobs") jobs = readJobs(entry.value, diagnostics);
    else readRootEntry(entry, draft, diagnostics);
  }
  draft.jobs = jobs.flatMap((one): JobDefinition[] => (one.job === undefined ? [] : [one.job]));
  checkExpressions({ entries, definition: draft, jobs }, diagnostics);
  const { triggers } = draft;
  return { ...(!diagnostics.hasErrors && { definition: draft }), triggers, diagnostics: diagnostics.list() };
}

function readRootEntry(entry: Entry, draft: Draft, diagnostics: Diagnostics): void {
  const { key, at, value } = entry;
  switch (key) {
    case "name": {
      const name = readTemplateText(value, at, diagnostics);
      if (name !== undefined) draft.name = name;
      return;
    }
    case "run-name": {
      const runName = readTemplateText(value, at, diagnostics);
      if (runName !== undefined) draft.runName = runName;
      return;
    }
    case "on":
      draft.triggers = readTriggers(value, at, diagnostics);
      return;
    case "env":
      draft.env = readOpenMap(value, "env", diagnostics);
      return;
    case "defaults":
      draft.defaults = readDefaults(value, diagnostics);
      return;
    case "permissions": {
      const permissions = readPermissions(value);
      if (permissions !== undefined) draft.permissions = permissions;
      return;
    }
    case "concurrency": {
      const concurrency = readConcurrency(entry, diagnostics);
      if (concurrency !== undefined) draft.concurrency = concurrency;
      return;
    }
    case "description":
      // for readers of the file
      return;
    default:
      refuse(diagnostics, at, `'${key}'`);
  }
}

function readJobs(token: Entry["value"], diagnostics: Diagnostics): ReadJob[] {
  const jobs: ReadJob[] = [];
  let total = 0;
  for (const entry of entriesOf(token)) {
    const read = readJob(entry, diagnostics);
    jobs.push(read);
    const instanceCount = read.job?.matrix.length ?? 0;
    total += instanceCount;
    if (total > JOBS_MAX && total - instanceCount <= JOBS_MAX) {
      diagnostics.error(entry.at, {
        code: "limit-jobs",
        message: `the file has more than ${JOBS_MAX} jobs after matrix expansion`,
        hint: "make a matrix smaller or split the workflow into several files",
      });
    }
  }
  if (jobs.length === 0 && token.isScalar) {
    diagnostics.error(positionOf(token), { code: "no-jobs", message: "the workflow has no jobs", hint: "add a job" });
  }
  checkNeeds(new Map(jobs.map(({ entry, needs }) => [entry.key, { at: entry.at, needs }])), diagnostics);
  return jobs;
}
