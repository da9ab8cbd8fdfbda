import type { QueueEntry as QueueEntryAnswer } from "@windrow/contract";
import { type StartEstimate, TOP_PRIORITY, type WaitReason } from "@windrow/model";
import type { QueueEntry } from "../../queue/read-queue.ts";
import type { Links } from "./present-run.ts";

/** A job that waits, for the API. */
export function presentQueueEntry(entry: QueueEntry, links: Links, nowMs: number): QueueEntryAnswer {
  const { row, reason, place } = entry;
  const estimate = estimateOf(entry);
  return {
    job_id: row.jobId,
    run_id: row.runId,
    repository: row.repository,
    workflow_name: row.workflowName,
    key: row.key,
    name: row.name,
    state: row.state,
    labels: [...row.labels],
    pools: [...entry.pools],
    priority: row.priority,
    is_on_top: row.priority >= TOP_PRIORITY,
    waiting_since: row.waitingSince.toISOString(),
    reason: reason === null ? null : presentReason(reason),
    position: place === undefined ? null : { place: place.place, of: place.ofCount },
    estimated_start: typeof estimate === "object" && estimate !== null ? presentEstimate(estimate, nowMs) : null,
    no_estimate: typeof estimate === "string" ? estimate : null,
    url: `${links.runUrl(row.runId)}/jobs/${row.jobId}/logs`,
  };
}

function presentReason({ code, sentence, unblock, isStuck }: WaitReason) {
  return { code, sentence, unblock, is_stuck: isStuck };
}

function presentEstimate({ lowMs, medianMs, highMs }: StartEstimate, nowMs: number) {
  const at = (ms: number): string => new Date(nowMs + ms).toISOString();
  return { earliest_at: at(lowMs), likely_at: at(medianMs), latest_at: at(highMs) };
}

/** Only of what waits for its turn can be said when it starts. Null: there is nothing to be said. */
function estimateOf({ reason, place }: QueueEntry): StartEstimate | string | null {
  if (reason === null) return null;
  switch (reason.code) {
    case "all_busy":
    case "starting":
      return place?.estimate ?? "too many jobs wait before it";
    case "cancelling":
      return null;
    case "scaling_up":
      return "an agent is being made for it";
    default:
      return reason.isStuck ? "it starts only when somebody acts" : "nobody knows when what it waits for ends";
  }
}
