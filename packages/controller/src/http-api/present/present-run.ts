import type { RunSummary } from "@windrow/contract";
import type { RunView } from "@windrow/store";

/** Addresses that answers carry. */
export interface Links {
  readonly publicUrl: () => string;
  runUrl(runId: number): string;
}

export function createLinks(publicUrl: () => string): Links {
  return { publicUrl, runUrl: (runId) => `${publicUrl()}/runs/${runId}` };
}

/** `waitsFor`: what `explainRuns` says of it, for readers who are to know more than what the row says. */
export function presentRun(run: RunView, links: Links, waitsFor?: string): RunSummary {
  return {
    id: run.id,
    number: run.number,
    attempt: run.attempt,
    repository: run.repository,
    workflow_path: run.workflow_path,
    workflow_name: run.workflow_name,
    title: run.title,
    event: run.event_name,
    ref: run.ref,
    branch: run.ref.startsWith("refs/heads/") ? run.ref.slice("refs/heads/".length) : null,
    sha: run.sha,
    actor: run.actor,
    scope: run.scope,
    trust: run.trust,
    state: run.state,
    has_started: run.has_started,
    conclusion: run.conclusion,
    waiting_reason: waitsFor ?? run.waiting_reason,
    cancel_requested_at: run.cancel_requested_at?.toISOString() ?? null,
    cancel_requested_by: run.cancel_requested_by,
    cancel_reason: run.cancel_reason,
    diagnostics_count: run.diagnostics.length,
    created_at: run.created_at.toISOString(),
    started_at: run.started_at?.toISOString() ?? null,
    finished_at: run.finished_at?.toISOString() ?? null,
    url: links.runUrl(run.id),
  };
}
