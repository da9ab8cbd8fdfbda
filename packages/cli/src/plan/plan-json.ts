import type { Diagnostic } from "@windrow/model";
import type { PreviewJob } from "@windrow/workflow";

/** A job of the plan, as it is printed. */
export interface PlannedJob {
  readonly job: PreviewJob;
  /** Names of pools; undefined where no farm was asked or its labels are not known. */
  readonly pools: readonly string[] | undefined;
}

export interface PlannedRun {
  readonly workflow: { readonly path: string; readonly name: string | undefined };
  readonly event: string;
  readonly ref: string;
  /** Why the workflow does not start, in a sentence; undefined when it does. */
  readonly notStartedBecause: string | undefined;
  readonly title: string | undefined;
  readonly jobs: readonly PlannedJob[];
  readonly diagnostics: readonly Diagnostic[];
  /** The farm that was asked for its pools, or why none was. */
  readonly farm: { readonly url: string } | { readonly why: string };
}

/** What `windrow plan --json` prints. */
export function planJson(run: PlannedRun): object {
  return {
    workflow: run.workflow.path,
    ...(run.workflow.name !== undefined && { name: run.workflow.name }),
    event: run.event,
    ref: run.ref,
    starts: run.notStartedBecause === undefined,
    ...(run.notStartedBecause !== undefined && { not_started_because: run.notStartedBecause }),
    ...(run.title !== undefined && { title: run.title }),
    farm: "url" in run.farm ? run.farm.url : null,
    jobs: run.jobs.map(({ job, pools }) => ({
      id: job.id,
      key: job.key,
      name: job.name,
      matrix: job.matrix,
      runs_on: job.runsOn ?? null,
      ...(job.pool !== undefined && { group: job.pool }),
      pools: pools ?? null,
      needs: job.needs,
      if: job.condition ?? null,
      skipped_because: job.skippedBecause ?? null,
      ...(job.uses !== undefined && { uses: job.uses }),
      ...(job.timeoutMs !== undefined && { timeout_minutes: job.timeoutMs / 60_000 }),
      ...(job.environment !== undefined && { environment: job.environment }),
      ...(job.concurrency !== undefined && {
        concurrency: {
          group: job.concurrency.group,
          cancel_in_progress: job.concurrency.cancelInProgress,
          queue: job.concurrency.queue,
        },
      }),
      not_known_yet: job.unknown,
    })),
    diagnostics: run.diagnostics.map(({ severity, code, message, hint, file, line, column }) => ({
      severity,
      code,
      message,
      file,
      line,
      column,
      ...(hint !== undefined && { hint }),
    })),
  };
}
