import type { Diagnostic, WaitReason } from "@windrow/model";
import type { JobView, RunView } from "@windrow/store";

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

/** For each reason why nothing but a person's change can start a job: who waits, why, and what to do. */
export function stuckLines(jobs: readonly JobView[], reasons: ReadonlyMap<number, WaitReason>): string[] {
  const bySentence = new Map<string, { readonly reason: WaitReason; readonly names: string[] }>();
  for (const job of jobs) {
    const reason = reasons.get(job.id);
    // what waits for needs or people is no surprise to whoever pushes
    if (job.state !== "queued" || reason?.isStuck !== true || reason.code === "approval") continue;
    const known = bySentence.get(reason.sentence) ?? { reason, names: [] };
    known.names.push(job.name);
    bySentence.set(reason.sentence, known);
  }
  return [...bySentence.values()].flatMap(({ reason, names }) => {
    const who = names.length === 1 ? `job '${names[0] ?? ""}' waits` : `${names.length} jobs wait`;
    return [`  ${who}: ${reason.sentence}`, `    hint: ${reason.unblock}`];
  });
}

/** A job's news for a terminal that waits. */
export function jobLine(job: JobView): string {
  switch (job.state) {
    case "blocked":
      return `  ${job.name}: waits`;
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
