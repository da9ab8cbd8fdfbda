import type { Step } from "@windrow/contract";
import type { Diagnostic } from "@windrow/model";
import type { Style } from "../output/terminal.ts";
import { elapsed, lookOfRun } from "./job-words.ts";
import { orderJobs } from "./order-jobs.ts";
import { renderHead, renderJobLine, renderStepLine, widthOfNames } from "./render-run.ts";
import { latestSteps, type RunView, tailOf, type ViewedJob } from "./run-view.ts";

const FAILED_TAIL_LINES = 20;

/** What stays on the screen when the run has ended: every job, and for each failed one its failing step's last lines. */
export function renderVerdict(view: RunView, options: { readonly nowMs: number; readonly style: Style }): string[] {
  const { style } = options;
  const jobs = orderJobs([...view.jobs.values()]);
  const failed = jobs.filter((job) => job.conclusion === "failure");
  const stepNames = failed.flatMap((job) => failingStep(job)?.name ?? []);
  const named = { ...options, nameColumns: widthOfNames(jobs, stepNames) };
  const look = lookOfRun(view.run);
  const verdict = `${look.icon} run #${view.run.id} ${look.word}${during(elapsed(view.run, options.nowMs))}`;
  const parts = [
    renderHead(view, options),
    ...view.diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, style)),
    jobs.map((job) => renderJobLine(job, named)),
    ...failed.map((job) => renderFailure(view, job, named)),
    [
      style(["bold", look.colour], verdict),
      style("dim", `  ${view.run.url}`),
      ...(failed.length === 0 ? [] : [style("dim", `  whole logs: windrow run logs ${view.run.id} --failed`)]),
    ],
  ];
  const [first = [], ...others] = parts.filter((lines) => lines.length > 0);
  return [...first, ...others.flatMap((lines) => ["", ...lines])];
}

/** `ci.yml:4:7: error: unknown key "step"`, and the hint below it. */
export function renderDiagnostic(diagnostic: Diagnostic, style: Style): string[] {
  const { file, line, column, severity, message, hint } = diagnostic;
  const word = style(severity === "error" ? "red" : "yellow", `${severity}:`);
  const lines = [`${style("bold", `${file}:${line}:${column}:`)} ${word} ${message}`];
  if (hint !== undefined) lines.push(`  ${style("cyan", "hint:")} ${hint}`);
  return lines;
}

function renderFailure(
  view: RunView,
  job: ViewedJob,
  options: { nowMs: number; style: Style; nameColumns: number },
): string[] {
  const { style } = options;
  const step = failingStep(job);
  const lines = [style("bold", `${job.name}:`)];
  if (step !== undefined) lines.push(renderStepLine(step, options));
  const tail = tailOf(view, job, step, FAILED_TAIL_LINES);
  lines.push(...tail.map((text) => `    ${style("dim", "│")} ${text}`));
  if (step === undefined && job.message !== null) lines.push(`  ${job.message}`);
  return lines;
}

function failingStep(job: ViewedJob): Step | undefined {
  return latestSteps(job).find(({ outcome }) => outcome === "failed" || outcome === "timed_out");
}

function during(time: string): string {
  return time === "" ? "" : ` in ${time}`;
}
