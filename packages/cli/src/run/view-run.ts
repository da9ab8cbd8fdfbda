import type { Job, Run } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { orderJobs } from "../live/order-jobs.ts";
import { renderRemarks } from "../live/render-remarks.ts";
import { renderHead, renderJobLine, renderStepLine, widthOfNames } from "../live/render-run.ts";
import { renderDiagnostic } from "../live/render-verdict.ts";
import { createRunView, latestSteps, type ViewedJob } from "../live/run-view.ts";
import { formatAge } from "../output/duration.ts";
import { type Fact, formatFacts } from "../output/facts.ts";
import { printJson, printLines } from "../output/print.ts";
import type { Style } from "../output/terminal.ts";
import { findRunId } from "./find-run.ts";

export interface ViewRunOptions extends FarmOptions {
  readonly attempt?: string;
}

/** Steps are shown for so many jobs; of a larger run only those that run or failed show theirs. */
const JOBS_WITH_STEPS_MAX = 20;

/** `windrow run view` */
export async function viewRun(context: CommandContext, options: ViewRunOptions, text: string): Promise<ExitCode> {
  const farm = await openFarm(context, options);
  const attempt = options.attempt === undefined ? undefined : Number(options.attempt);
  if (attempt !== undefined && !(Number.isInteger(attempt) && attempt > 0))
    throw usageError("--attempt takes a number from 1");
  const runId = await findRunId(farm, text);
  const { answer: run, json } = await farm.api.call("viewRun", {
    params: { run_id: runId },
    ...(attempt === undefined ? {} : { query: { attempt } }),
  });
  if (options.json) {
    await printJson(context.terminal, json);
    return EXIT.ok;
  }
  const withSteps = run.jobs.filter(
    (job) =>
      job.attempt_count > 0 &&
      (run.jobs.length <= JOBS_WITH_STEPS_MAX || job.state === "running" || job.conclusion === "failure"),
  );
  const jobs = new Map<number, Job>();
  for (const { id } of withSteps.slice(0, JOBS_WITH_STEPS_MAX)) {
    jobs.set(id, (await farm.api.call("viewJob", { params: { job_id: id } })).answer);
  }
  await printLines(
    context.terminal,
    formatRun(run, jobs, {
      nowMs: context.clock.nowMs(),
      style: context.terminal.outStyle,
      columns: context.terminal.out.columns,
    }),
  );
  return EXIT.ok;
}

function whatRunWaitsFor(run: Run): string | null {
  if (run.state === "waiting") return run.waiting_reason;
  return run.has_started || run.state === "finished" ? null : "an agent";
}

/** The farm's own words for a cancel without a reason say who it was once more. */
function describeCancel({ cancel_requested_by: by, cancel_reason: reason }: Run): string {
  const who = `by ${by ?? "the farm"}`;
  return reason === null || reason === `cancelled ${who}` ? who : `${who}: ${reason}`;
}

/** A run as text: head, facts, what is wrong in the workflow file, jobs with their steps. */
export function formatRun(
  run: Run,
  details: ReadonlyMap<number, Job>,
  options: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style } = options;
  const facts: Fact[] = [
    ["workflow", run.workflow_path],
    ["trigger", `${run.event} by ${run.actor}, ${formatAge(Date.parse(run.created_at), options.nowMs)}`],
    ["commit", run.sha],
    ["attempt", run.attempt > 1 ? String(run.attempt) : null],
    ["waits for", whatRunWaitsFor(run)],
    ["cancelled", run.cancel_requested_at === null ? null : describeCancel(run)],
    ["page", run.url],
  ];
  const stepNames = [...details.values()].flatMap((job) => latestSteps(job).map((step) => step.name));
  const named = { ...options, nameColumns: widthOfNames(run.jobs, stepNames) };
  return [
    ...renderHead(createRunView(run), options),
    "",
    ...formatFacts(facts, { nameColumns: 9, style, columns: options.columns }),
    ...run.diagnostics.flatMap((diagnostic) => ["", ...renderDiagnostic(diagnostic, style)]),
    ...(run.jobs.length === 0 ? [] : [""]),
    ...orderJobs(run.jobs).flatMap((summary) => {
      const job: ViewedJob = details.get(summary.id) ?? summary;
      return [
        renderJobLine(job, named),
        ...latestSteps(job).flatMap((step) => [renderStepLine(step, named), ...renderRemarks(step, style)]),
      ];
    }),
  ];
}
