import type { Diagnostic, JobDefinition, TemplateMap, Trigger, WorkflowDefinition } from "@windrow/model";
import { checkNeeds } from "./check/check-needs.ts";
import { Diagnostics } from "./diagnostics.ts";
import { JOBS_MAX } from "./limits.ts";
import { type Defaults, readDefaults } from "./read/read-defaults.ts";
import { readFile } from "./read/read-file.ts";
import { readJob } from "./read/read-job.ts";
import { readTriggers } from "./read/read-triggers.ts";
import { ignore, refuse } from "./read/refuse.ts";
import { type Entry, entriesOf, positionOf, readTemplateMap, readTemplateText } from "./read/tokens.ts";

export interface ParseResult {
  /** Present when there is no error among the diagnostics. */
  readonly definition?: WorkflowDefinition;
  /** What `on:` says, also where the rest of the file is refused; absent when the file could not be read so far. */
  readonly triggers?: readonly Trigger[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads one workflow file. Never throws for what stands in the file: every complaint is a diagnostic with file, line
 * and column, and one mistake does not hide the next.
 */
export function parseWorkflow({ path, text }: { path: string; text: string }): ParseResult {
  const collected = new Diagnostics(path);
  const file = readFile({ path, text }, collected);
  if (file === undefined) return { diagnostics: collected.list() };
  const diagnostics = collected.through(file.locate);
  const draft: Draft = { env: [], defaults: {}, triggers: [], jobs: [] };
  for (const entry of entriesOf(file.root)) readRootEntry(entry, draft, diagnostics);
  const diagnosed = diagnostics.list();
  const { name, env, defaults, triggers, jobs } = draft;
  if (diagnostics.hasErrors) return { triggers, diagnostics: diagnosed };
  return {
    definition: { path, ...(name !== undefined && { name }), env, defaults, triggers, jobs },
    triggers,
    diagnostics: diagnosed,
  };
}

interface Draft {
  name?: string;
  env: TemplateMap;
  defaults: Defaults;
  triggers: WorkflowDefinition["triggers"];
  jobs: JobDefinition[];
}

function readRootEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  switch (key) {
    case "name": {
      const name = readTemplateText(value, at, diagnostics);
      if (name !== undefined) draft.name = name;
      return;
    }
    case "on":
      draft.triggers = readTriggers(value, at, diagnostics);
      return;
    case "env":
      draft.env = readTemplateMap(value, "env", diagnostics);
      return;
    case "defaults":
      draft.defaults = readDefaults(value, diagnostics);
      return;
    case "jobs":
      draft.jobs = readJobs(value, diagnostics);
      return;
    case "run-name":
      ignore(diagnostics, at, "'run-name'", "runs are shown with the commit's first line");
      return;
    case "permissions":
      ignore(diagnostics, at, "'permissions'", "a job's token can read the repository and nothing else");
      return;
    default:
      refuse(diagnostics, at, `'${key}'`);
  }
}

function readJobs(token: Entry["value"], diagnostics: Diagnostics): JobDefinition[] {
  const jobs: JobDefinition[] = [];
  const needs = new Map<string, { at: Entry["at"]; needs: { key: string; at: Entry["at"] }[] }>();
  let total = 0;
  for (const entry of entriesOf(token)) {
    const read = readJob(entry, diagnostics);
    needs.set(entry.key, { at: entry.at, needs: read.needs });
    if (read.job === undefined) continue;
    jobs.push(read.job);
    total += read.job.matrix.length;
    if (total > JOBS_MAX && total - read.job.matrix.length <= JOBS_MAX) {
      diagnostics.error(entry.at, {
        code: "limit-jobs",
        message: `the file has more than ${JOBS_MAX} jobs after matrix expansion`,
        hint: "make a matrix smaller or split the workflow into several files",
      });
    }
  }
  if (needs.size === 0 && token.isScalar) {
    diagnostics.error(positionOf(token), { code: "no-jobs", message: "the workflow has no jobs", hint: "add a job" });
  }
  checkNeeds(needs, diagnostics);
  return jobs;
}
