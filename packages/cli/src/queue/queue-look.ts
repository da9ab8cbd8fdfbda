import type { QueueEntry } from "@windrow/contract";
import { formatDuration } from "../output/duration.ts";
import type { StyleName } from "../output/terminal.ts";

/** What nobody but a person can end is red, what ends by itself in a moment green. */
export function colourOfReason(reason: QueueEntry["reason"]): StyleName {
  if (reason === null) return "gray";
  if (reason.is_stuck || reason.code === "provider_failed") return "red";
  return reason.code === "starting" ? "green" : "yellow";
}

/** `3 of 12`; empty when it has no place. */
export function formatPosition(entry: QueueEntry): string {
  return entry.position === null ? "" : `${entry.position.place} of ${entry.position.of}`;
}

/** `now`, `in 2m10s`, from the likely start; empty when nothing is known. */
export function formatLikelyStart(entry: QueueEntry, nowMs: number): string {
  return entry.estimated_start === null ? "" : formatUntil(entry.estimated_start.likely_at, nowMs);
}

/** `in 2m10s (8 of 10 times between 1m40s and 3m00s)`, or why nobody can say. */
export function formatStart(entry: QueueEntry, nowMs: number): string | null {
  const { estimated_start: start } = entry;
  if (start === null) return entry.no_estimate === null ? null : `not known: ${entry.no_estimate}`;
  const likely = formatUntil(start.likely_at, nowMs);
  const [earliest, latest] = [start.earliest_at, start.latest_at].map((at) => formatDuration(Date.parse(at) - nowMs));
  return earliest === latest ? likely : `${likely} (8 of 10 such jobs: in ${earliest} to ${latest})`;
}

const NOW_MS = 1_500;

function formatUntil(at: string, nowMs: number): string {
  const leftMs = Date.parse(at) - nowMs;
  return leftMs < NOW_MS ? "now" : `in ${formatDuration(leftMs)}`;
}
