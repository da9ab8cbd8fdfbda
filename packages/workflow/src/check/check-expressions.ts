import { isMapping } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { JobDefinition, WorkflowDefinition } from "@windrow/model";
import { compileExpression } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { ReadJob } from "../read/read-job.ts";
import { type Entry, entriesOf, itemsOf, positionOf } from "../read/tokens.ts";
import { checkCommands } from "./check-commands.ts";
import { checkInjection } from "./check-injection.ts";
import { checkPaths, type Known, type KnownNames } from "./check-paths.ts";
import { findPaths } from "./find-expressions.ts";

/**
 * Warns, for a whole workflow, of names that are read and do not exist at that place, and of foreign text in scripts.
 */
export function checkExpressions(
  {
    entries,
    definition,
    jobs,
  }: {
    entries: readonly Entry[];
    definition: Pick<WorkflowDefinition, "triggers" | "jobs">;
    jobs: readonly ReadJob[];
  },
  diagnostics: Diagnostics,
): void {
  const inputs = namesOf(definition.triggers.flatMap((trigger) => trigger.inputs ?? []).map((input) => input.name));
  // A called workflow sees the event of its caller.
  const isCalled = definition.triggers.some((trigger) => trigger.event === "workflow_call");
  const given = { inputs, ...(!isCalled && { eventInputs: inputs }) };
  const outputs: KnownNames = new Map(definition.jobs.map((job) => [job.key.toLowerCase(), outputsOf(job)]));
  for (const { key, value } of entries) {
    if (key !== "jobs") checkPaths(findPaths(value), { ...given, jobs: outputs }, diagnostics);
  }
  for (const { entry, job, matrixNames } of jobs) {
    if (job === undefined) continue;
    const known: Known = {
      ...given,
      needs: new Map(job.needs.map((need) => [need.toLowerCase(), outputs.get(need.toLowerCase())])),
      ...(matrixNames !== undefined && { matrix: namesOf([...matrixNames]) }),
    };
    checkJob(entry, known, diagnostics);
    checkStatusJobs(entry, job, diagnostics);
  }
}

/** `success('build')` in a job's condition asks one of its needs. */
function checkStatusJobs(entry: Entry, { key, condition, needs }: JobDefinition, diagnostics: Diagnostics): void {
  const written = entriesOf(entry.value).find((one) => one.key === "if");
  if (written === undefined) return;
  const known = new Set(needs.map((need) => need.toLowerCase()));
  for (const name of compileExpression(condition).statusJobs) {
    if (known.has(name.toLowerCase())) continue;
    diagnostics.error(positionOf(written.value, written.at), {
      code: "unknown-need",
      message: `the condition of job '${key}' asks for '${name}', which is none of its needs`,
      hint: needs.length === 0 ? "add it to 'needs'" : `its needs are ${needs.join(", ")}`,
    });
  }
}

/** What of a job others can read; nothing is known of a called workflow. */
function outputsOf(job: JobDefinition): ReadonlySet<string> | undefined {
  return job.call === undefined ? new Set(job.outputs.map(([name]) => name.toLowerCase())) : undefined;
}

function namesOf(names: readonly string[]): KnownNames {
  return new Map(names.map((name) => [name.toLowerCase(), undefined]));
}

function checkJob(job: Entry, known: Known, diagnostics: Diagnostics): void {
  const entries = entriesOf(job.value);
  const steps = entries.find((entry) => entry.key === "steps");
  const all = steps === undefined ? new Map() : checkSteps(steps.value, known, diagnostics);
  for (const { key, value } of entries) {
    if (key !== "steps") checkPaths(findPaths(value), { ...known, steps: all }, diagnostics);
  }
}

/** The steps of a job or a composite action, each with the ids before it. Answers all ids. */
export function checkSteps(token: TemplateToken, known: Known, diagnostics: Diagnostics): KnownNames {
  const steps = new Map<string, undefined>();
  for (const item of itemsOf(token)) {
    if (!isMapping(item)) continue;
    const parallel = entriesOf(item).find((entry) => entry.key === "parallel");
    const group = parallel === undefined ? [item] : itemsOf(parallel.value);
    for (const step of group) checkStep(step, { ...known, steps }, diagnostics);
    for (const step of group) {
      const id = entriesOf(step).find((entry) => entry.key === "id");
      if (id !== undefined) steps.set(id.value.toString().toLowerCase(), undefined);
    }
  }
  return steps;
}

function checkStep(step: TemplateToken, known: Known, diagnostics: Diagnostics): void {
  const entries = entriesOf(step);
  checkPaths(
    entries.flatMap((entry) => findPaths(entry.value)),
    known,
    diagnostics,
  );
  const isScriptAction = entries.some(
    ({ key, value }) => key === "uses" && value.toString().toLowerCase().startsWith("actions/github-script@"),
  );
  for (const { key, at, value } of entries) {
    if (key === "run") {
      checkInjection(findPaths(value), "shell", diagnostics);
      checkCommands(value, positionOf(value, at), diagnostics);
    }
    if (key !== "with" || !isScriptAction) continue;
    const script = entriesOf(value).find((entry) => entry.key.toLowerCase() === "script");
    if (script !== undefined) checkInjection(findPaths(script.value), "code", diagnostics);
  }
}
