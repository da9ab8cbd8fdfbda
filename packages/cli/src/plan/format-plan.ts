import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";
import { wrapText } from "../output/wrap-text.ts";
import type { PlannedJob, PlannedRun } from "./plan-json.ts";

const COLUMNS: readonly TableColumn[] = [
  { title: "JOB" },
  { title: "" },
  { title: "RUNS ON", dropOrder: 3 },
  { title: "POOL", dropOrder: 2 },
  { title: "NEEDS", dropOrder: 1 },
  { title: "WHY", shrinks: true },
];

/** The plan for people: what starts, a row per job, and how many would run. */
export function formatPlan(
  run: PlannedRun,
  options: { readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style } = options;
  const name = run.workflow.name ?? run.workflow.path;
  const head = `${style("bold", name)}  ${run.workflow.path} for ${run.event} of ${run.ref}`;
  const title = run.title === undefined ? [] : [`title: ${run.title}`];
  if (run.notStartedBecause !== undefined) {
    return [head, ...title, `${style("yellow", "⊘ does not start:")} ${run.notStartedBecause}`];
  }
  if (run.jobs.length === 0) return [head, ...title];
  const hasPools = "url" in run.farm;
  const shown = COLUMNS.map((column, index) => ({ column, index })).filter(
    ({ column }) =>
      (column.title !== "POOL" || hasPools) &&
      (column.title !== "NEEDS" || run.jobs.some(({ job }) => job.needs.length > 0)) &&
      (column.title !== "WHY" || run.jobs.some((planned) => explain(planned) !== "")),
  );
  const rows = run.jobs.map((planned) => {
    const cells = formatJob(planned, style);
    return shown.map(({ index }) => cells[index] ?? "");
  });
  const table = formatTable(
    shown.map(({ column }) => column),
    rows,
    {
      ...(options.columns !== undefined && { columnsMax: options.columns }),
      styleTitle: (text) => style("dim", text),
    },
  );
  return [head, ...title, "", ...table, "", ...listCut(run, table, options.columns), summarize(run)];
}

/** Reasons that the table had no room for, in full. */
function listCut(run: PlannedRun, table: readonly string[], columns: number | undefined): string[] {
  if (columns === undefined) return [];
  const cut = run.jobs.flatMap((planned, index) => {
    const why = explain(planned);
    return why === "" || table[index + 1]?.includes(why) ? [] : [`${planned.job.name}: ${why}`];
  });
  if (cut.length === 0) return [];
  return [...cut.flatMap((line) => wrapText(line, { columns, indent: "  " })), ""];
}

function formatJob({ job, pools }: PlannedJob, style: Style): string[] {
  const isSkipped = job.skippedBecause !== undefined;
  const state = isSkipped
    ? style("dim", "⊘ skipped")
    : job.uses !== undefined
      ? style("cyan", "→ calls")
      : job.unknown.includes("if") || job.unknown.includes("matrix")
        ? style("yellow", "? may run")
        : style("green", "✓ runs");
  const labels = isSkipped || job.uses !== undefined ? "" : (job.runsOn?.join(", ") ?? "not known yet");
  const pool = isSkipped || job.uses !== undefined ? "" : describePools(pools, style);
  return [nameOf({ job, pools }), state, labels, pool, job.needs.join(", "), explain({ job, pools })];
}

/** Jobs of called workflows stand under the job that calls. */
function nameOf({ job }: PlannedJob): string {
  const level = job.id.split(" / ").length - 1;
  return `${"  ".repeat(level)}${job.name}`;
}

function describePools(pools: readonly string[] | undefined, style: Style): string {
  if (pools === undefined) return "";
  return pools.length === 0 ? style("red", "✗ no agent") : pools.join(", ");
}

function explain({ job }: PlannedJob): string {
  if (job.skippedBecause !== undefined) return job.skippedBecause;
  const waits = job.unknown.filter((key) => key !== "name");
  const parts = [
    ...(job.uses === undefined ? [] : [job.uses]),
    ...(waits.length === 0 ? [] : [`known when its needs have run: ${waits.join(", ")}`]),
    ...(job.concurrency === undefined ? [] : [`concurrency group ${job.concurrency.group}`]),
    ...(job.environment === undefined ? [] : [`environment ${job.environment}`]),
  ];
  return parts.join("; ");
}

function summarize({ jobs, farm }: PlannedRun): string {
  const run = jobs.filter(({ job }) => job.skippedBecause === undefined && job.uses === undefined);
  const skipped = jobs.filter(({ job }) => job.skippedBecause !== undefined).length;
  const count = (number: number) => `${number} job${number === 1 ? "" : "s"}`;
  const parts = [`${count(run.length)} would run${skipped === 0 ? "" : `, ${skipped} would not`}`];
  if ("why" in farm) parts.push(`pools are not shown: ${farm.why}`);
  else {
    const without = run.filter(({ pools }) => pools?.length === 0).length;
    if (without > 0) {
      const which = run.length === 1 ? "it" : without === run.length ? "all of them" : `${without} of them`;
      parts.push(`${which} would wait, because no agent of ${farm.url} has the labels`);
    }
  }
  return parts.join("; ");
}
