import { type DurationBook, expectLeft, type ScaledAgent, type ScaledAgentState } from "@windrow/model";
import type { ScaleAgentRow } from "@windrow/store";

/** A row as decisions see it; `percent` says how careful to be about when its jobs end. */
export function toScaledAgent(row: ScaleAgentRow, book: DurationBook, percent: number): ScaledAgent {
  const state = stateOf(row);
  const expected = (job: ScaleAgentRow["jobs"][number]): number => book.expect({ ...job, pool: row.pool }, percent);
  return {
    machineId: row.machineId,
    name: row.name,
    state,
    sinceMs: sinceMsOf(row, state),
    slots: row.isEphemeral ? 1 : row.slots,
    leftMs: row.jobs.map((job) => expectLeft(expected(job), job.forMs)),
    isEphemeral: row.isEphemeral,
  };
}

function sinceMsOf(row: ScaleAgentRow, state: ScaledAgentState): number {
  if (state === "starting") return row.ageMs;
  if (state === "ending") return row.endingMs ?? 0;
  return row.idleMs;
}

function stateOf(row: ScaleAgentRow): ScaledAgentState {
  switch (row.machineState) {
    case "creating":
    case "starting":
      return "starting";
    case "ending":
      return "ending";
    case "ended":
    case "failed":
      return "gone";
    case "ready":
    case null:
      break;
  }
  switch (row.agentState) {
    case "joining":
      return "starting";
    // it may come back: when it will not, the keeper of its machine knows
    case "suspect":
    case "lost":
      return "silent";
    case "removed":
    case null:
      return "gone";
    case "draining":
      return "draining";
    case "ready":
      break;
  }
  if (row.isHeld) return "draining";
  if (row.jobs.length > 0) return "busy";
  return row.hasHadJob ? "spent" : "idle";
}
