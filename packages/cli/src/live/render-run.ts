import type { Step } from "@windrow/contract";
import stringWidth from "string-width";
import type { Style } from "../output/terminal.ts";
import { truncate } from "../output/truncate.ts";
import { detailOfJob, detailOfStep, elapsed, type Look, lookOfJob, lookOfRun, lookOfStep } from "./job-words.ts";
import { orderJobs } from "./order-jobs.ts";
import { latestSteps, type RunView, tailOf, type ViewedJob } from "./run-view.ts";

export interface RenderOptions {
  readonly nowMs: number;
  readonly columns: number;
  /** The picture takes at most so many lines: log tails give way first, then finished and waiting jobs are counted. */
  readonly rowsMax: number;
  readonly style: Style;
}

const TAIL_LINES_MAX = 6;
const NAME_COLUMNS_MAX = 44;
/** So that most names of steps fit, too, and columns do not move from step to step. */
const NAME_COLUMNS_MIN = 26;

/** A running run as a folded tree of at most `rowsMax` lines, none wider than `columns`. */
export function renderRun(view: RunView, options: RenderOptions): string[] {
  const jobs = orderJobs([...view.jobs.values()]);
  const head = [...renderHead(view, options), ""];
  const rowsMax = Math.max(4, options.rowsMax - head.length);
  const running = jobs.filter((job) => job.state === "running").length;
  const nameColumns = widthOfNames(jobs);
  for (let tailLines = running > 3 ? 3 : TAIL_LINES_MAX; tailLines >= 0; tailLines--) {
    const lines = jobs.flatMap((job) => renderRunningJob(view, job, { ...options, nameColumns, tailLines }));
    if (lines.length <= rowsMax) return fit([...head, ...lines], options);
  }
  return fit([...head, ...renderCounted(jobs, { ...options, nameColumns, rowsMax })], options);
}

/** Title line and, when there is one, the run's title. */
export function renderHead(view: RunView, options: Pick<RenderOptions, "nowMs" | "style">): string[] {
  const { run } = view;
  const { style } = options;
  const look = lookOfRun(run);
  const about = [run.repository, run.workflow_name, run.branch ?? run.ref, run.sha.slice(0, 8)].join(" · ");
  const state = [look.word, elapsed(run, options.nowMs)].filter((part) => part !== "").join(" ");
  const waiting = run.waiting_reason === null || run.state !== "waiting" ? "" : ` (${run.waiting_reason})`;
  const lines = [
    `${style(look.colour, look.icon)} ${style("bold", `#${run.id}`)} ${about} · ${style(look.colour, state)}${waiting}`,
  ];
  if (run.title !== "") lines.push(`  ${firstLine(run.title)}`);
  if (view.disconnected !== undefined) {
    lines.push(style("yellow", `  connection lost (${view.disconnected}), trying again …`));
  }
  return lines;
}

/** `stepNames` count where steps are shown below their jobs. */
export function widthOfNames(jobs: readonly { readonly name: string }[], stepNames: readonly string[] = []): number {
  const widths = [
    ...jobs.map((job) => stringWidth(job.name)),
    ...stepNames.map((name) => stringWidth(firstLine(name)) + 2),
  ];
  return Math.min(NAME_COLUMNS_MAX, Math.max(NAME_COLUMNS_MIN, ...widths));
}

/** `✓ build (node 24)   succeeded  12s  on agent-1` */
export function renderJobLine(
  job: ViewedJob,
  options: Pick<RenderOptions, "nowMs" | "style"> & { readonly nameColumns: number },
): string {
  return renderLine({
    look: lookOfJob(job),
    name: job.name,
    nameColumns: options.nameColumns,
    time: elapsed(job, options.nowMs),
    detail: detailOfJob(job),
    style: options.style,
  });
}

export function renderStepLine(
  step: Step,
  options: Pick<RenderOptions, "nowMs" | "style"> & { readonly nameColumns: number },
): string {
  const line = renderLine({
    look: lookOfStep(step),
    name: firstLine(step.name),
    nameColumns: options.nameColumns - 2,
    time: elapsed(step, options.nowMs),
    detail: detailOfStep(step),
    style: options.style,
  });
  return `  ${line}`;
}

function renderLine(parts: {
  look: Look;
  name: string;
  nameColumns: number;
  time: string;
  detail: string;
  style: Style;
}): string {
  const { look, style } = parts;
  const name = truncate(parts.name, Math.max(1, parts.nameColumns));
  const padding = " ".repeat(Math.max(0, parts.nameColumns - stringWidth(name)));
  const words = [style(look.colour, look.word.padEnd(9)), parts.time.padStart(6), style("dim", parts.detail)];
  return `${style(look.colour, look.icon)} ${name}${padding}  ${words.join("  ").trimEnd()}`.trimEnd();
}

function renderRunningJob(
  view: RunView,
  job: ViewedJob,
  options: RenderOptions & { readonly nameColumns: number; readonly tailLines: number },
): string[] {
  const lines = [renderJobLine(job, options)];
  const steps = latestSteps(job);
  const failed = steps.find((step) => step.outcome === "failed" || step.outcome === "timed_out");
  if (job.state === "finished" && failed !== undefined && job.conclusion === "failure") {
    lines.push(renderStepLine(failed, options));
  }
  if (job.state !== "running") return lines;
  const step = steps.findLast((candidate) => candidate.state === "running");
  if (step !== undefined) lines.push(renderStepLine(step, options));
  for (const text of tailOf(view, job, step, options.tailLines)) lines.push(`    ${options.style("dim", "│")} ${text}`);
  return lines;
}

/** Too many jobs for the screen: those that run or failed by name, as many as fit, and the others as numbers. */
function renderCounted(
  jobs: readonly ViewedJob[],
  options: RenderOptions & { readonly nameColumns: number },
): string[] {
  const isNamed = (job: ViewedJob) => job.state === "running" || job.state === "leased" || job.conclusion === "failure";
  const named = jobs.filter(isNamed);
  const shown = named.slice(0, Math.max(0, options.rowsMax - 1));
  const counts = new Map<string, number>();
  for (const job of jobs) {
    if (shown.includes(job)) continue;
    const { icon, word } = lookOfJob(job);
    const key = `${icon} %d ${word}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const others = [...counts].map(([text, count]) => text.replace("%d", String(count))).join("   ");
  return [...shown.map((job) => renderJobLine(job, options)), options.style("dim", `others: ${others}`)];
}

function fit(lines: readonly string[], options: RenderOptions): string[] {
  return lines.slice(0, Math.max(1, options.rowsMax)).map((line) => truncate(line, options.columns));
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
