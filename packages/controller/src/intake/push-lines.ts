import type { Diagnostic } from "@windrow/model";
import type { JobView, LabelCover, RunView } from "@windrow/store";

/** Complaints shown at the terminal for one run; the run's page has the rest. */
const DIAGNOSTICS_SHOWN_MAX = 20;

/** What the pushing terminal is told of a run that was just made. */
export function startedLines(run: RunView, url: string): string[] {
  const name = run.workflow_name === run.workflow_path ? run.workflow_path : `${run.workflow_name}`;
  const errors = run.diagnostics.filter((one) => one.severity === "error");
  const head =
    errors.length > 0 && run.state === "finished"
      ? `run #${run.id} of ${name} cannot start: ${errors.length === 1 ? "1 error" : `${errors.length} errors`}`
      : `run #${run.id} of ${name} started`;
  const shown = run.diagnostics.slice(0, DIAGNOSTICS_SHOWN_MAX).flatMap(diagnosticLines);
  const more = run.diagnostics.length - DIAGNOSTICS_SHOWN_MAX;
  return [head, `  ${url}`, ...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** `file:line:column: severity: message`, as compilers write it, and the hint below. */
export function diagnosticLines(one: Diagnostic): string[] {
  const line = `  ${one.file}:${one.line}:${one.column}: ${one.severity}: ${one.message}`;
  return one.hint === undefined ? [line] : [line, `    hint: ${one.hint}`];
}

/** A sentence for each set of labels that no agent has, with the jobs that ask for it. */
export function uncoveredLines(jobs: readonly JobView[], cover: readonly LabelCover[]): string[] {
  const uncovered = cover.filter((set) => set.agents_known === 0);
  if (uncovered.length === 0) return [];
  return [
    ...uncovered.map((set) => {
      const waiting = jobs.filter((job) => job.state === "queued" && job.label_set_id === set.label_set_id);
      const [first] = waiting;
      const who = waiting.length === 1 ? `job '${first?.name ?? ""}' waits` : `${waiting.length} jobs wait`;
      return `  ${who}: no agent has ${describeLabels(set.labels)}`;
    }),
    "    hint: give an agent the label (--labels of windrow up, agent join and agent run), or change `runs-on`",
  ];
}

export function describeLabels(labels: readonly string[]): string {
  return `${labels.length === 1 ? "the label" : "all the labels"} ${labels.map((label) => `'${label}'`).join(", ")}`;
}

/** A job's news for a terminal that waits. */
export function jobLine(job: JobView): string {
  switch (job.state) {
    case "blocked":
      return `  ${job.name}: ${job.held_reason ?? "waits for other jobs"}`;
    case "queued":
      return `  ${job.name}: queued`;
    case "leased":
      return `  ${job.name}: offered to ${job.agent ?? "an agent"}`;
    case "running":
      if (job.kind === "call") return `  ${job.name}: runs its jobs`;
      return `  ${job.name}: running on ${job.agent ?? "an agent"}`;
    case "finished":
      return `  ${job.name}: ${job.conclusion ?? ""}${job.message === null ? "" : ` (${job.message})`}`;
  }
}

export function verdictLine(run: RunView, url: string): string {
  return `run #${run.id}: ${run.conclusion ?? run.state} ${url}`;
}
