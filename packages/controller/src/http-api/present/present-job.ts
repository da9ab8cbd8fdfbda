import type { Annotation, Attempt, Job, JobSummary, LogStream } from "@windrow/contract";
import type { WaitReason } from "@windrow/model";
import type { AnnotationView, AttemptView, JobView, StreamView } from "@windrow/store";
import type { Links } from "./present-run.ts";

/** `reason`: why it waits; of what runs or is finished there is none. */
export function presentJobSummary(job: JobView, reason: WaitReason | undefined, links: Links): JobSummary {
  return {
    id: job.id,
    run_id: job.run_id,
    run_attempt: job.run_attempt,
    kind: job.kind,
    parent_job_id: job.parent_job_id,
    key: job.key,
    name: job.name,
    matrix: job.matrix,
    labels: [...job.labels],
    needs: [...job.needs],
    state: job.state,
    outcome: job.outcome,
    conclusion: job.conclusion,
    reason: job.reason,
    message: job.message,
    waiting_for: reason?.sentence ?? null,
    waiting_code: reason?.code ?? null,
    attempt_count: job.attempt_count,
    pool: job.pool,
    agent: job.agent,
    cancel_requested_at: job.cancel_requested_at?.toISOString() ?? null,
    created_at: job.created_at.toISOString(),
    queued_at: job.queued_at?.toISOString() ?? null,
    started_at: job.started_at?.toISOString() ?? null,
    finished_at: job.finished_at?.toISOString() ?? null,
    url: `${links.runUrl(job.run_id)}/jobs/${job.id}/logs`,
  };
}

export function presentJob(
  job: JobView,
  attempts: readonly AttemptView[],
  reason: WaitReason | undefined,
  links: Links,
): Job {
  return {
    ...presentJobSummary(job, reason, links),
    repository: job.repository,
    outputs: job.outputs,
    timeout_ms: job.timeout_ms,
    attempts: attempts.filter((attempt) => attempt.job_id === job.id).map(presentAttempt),
  };
}

export function presentStream(stream: StreamView): LogStream {
  return {
    stream: stream.stream,
    length_bytes: stream.length_bytes,
    line_count: stream.line_count,
    sha256: stream.sha256,
    sealed_at: stream.sealed_at?.toISOString() ?? null,
    truncated_at: stream.truncated_at,
    produced_bytes: stream.produced_bytes,
  };
}

function presentAttempt(attempt: AttemptView): Attempt {
  const { receipt } = attempt;
  return {
    id: attempt.id,
    no: attempt.no,
    agent_id: attempt.agent_id,
    agent: attempt.agent,
    pool: attempt.pool,
    state: attempt.state,
    outcome: attempt.outcome,
    reason: attempt.reason,
    message: attempt.message,
    offered_at: attempt.offered_at.toISOString(),
    started_at: attempt.started_at?.toISOString() ?? null,
    finished_at: attempt.finished_at?.toISOString() ?? null,
    receipt:
      receipt === null
        ? null
        : {
            processes_ended_count: receipt.processesEndedCount,
            left_count: receipt.leftCount,
            took_ms: receipt.tookMs,
            containment: receipt.containment,
          },
    log_incomplete: attempt.log_incomplete,
    steps: attempt.steps.map((step) => ({
      no: step.step_no,
      name: step.name,
      state: step.state,
      outcome: step.outcome,
      conclusion: step.conclusion,
      exit_code: step.exit_code,
      signal: step.signal,
      fault: step.fault,
      started_at: step.started_at?.toISOString() ?? null,
      finished_at: step.finished_at?.toISOString() ?? null,
      annotations: attempt.annotations.filter((one) => one.step_no === step.step_no).map(presentAnnotation),
      summary: attempt.summaries.find((one) => one.step_no === step.step_no)?.text ?? null,
    })),
    streams: attempt.streams.map(presentStream),
  };
}

function presentAnnotation(annotation: AnnotationView): Annotation {
  const { level, message, title, file, line, end_line, start_column, end_column } = annotation;
  return { level, message, title, file, line, end_line, column: start_column, end_column };
}
