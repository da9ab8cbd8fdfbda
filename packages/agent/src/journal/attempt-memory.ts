import type { AttemptId, FinishReport } from "@windrow/model";
import type { AcceptedRecord, JournaledUser, JournalRecord, StepResult } from "./journal-records.ts";

/** What the journal says about one attempt that is still held. */
export interface AttemptMemory {
  readonly accepted: AcceptedRecord;
  readonly opened?: {
    readonly user?: JournaledUser;
    readonly jobToken?: string;
    readonly startedAtMs: number;
    readonly startedAtBootMs: number;
  };
  readonly stepsStarted: ReadonlyMap<number, { readonly startedAtMs: number; readonly startedAtBootMs: number }>;
  readonly stepsEnded: ReadonlyMap<number, StepResult>;
  readonly masks: readonly { readonly stepNo: number; readonly bytes: Buffer }[];
  readonly finishing?: Omit<FinishReport, "seals">;
}

/** An attempt about which nothing but its acceptance is known. */
export function freshMemory(accepted: AcceptedRecord): AttemptMemory {
  return { accepted, stepsStarted: new Map(), stepsEnded: new Map(), masks: [] };
}

/** Folds the journal's lines; attempts that were released, or whose acceptance is missing, are not in the answer. */
export function foldJournal(records: readonly JournalRecord[]): Map<AttemptId, AttemptMemory> {
  const held = new Map<AttemptId, AttemptMemory>();
  for (const record of records) {
    if (record.kind === "accepted") {
      held.set(record.attemptId, freshMemory(record));
      continue;
    }
    const memory = held.get(record.attemptId);
    if (memory === undefined) continue;
    if (record.kind === "released") held.delete(record.attemptId);
    else held.set(record.attemptId, addRecord(memory, record));
  }
  return held;
}

function addRecord(
  memory: AttemptMemory,
  record: Exclude<JournalRecord, { kind: "accepted" | "released" }>,
): AttemptMemory {
  switch (record.kind) {
    case "opened": {
      const { kind: _kind, attemptId: _attemptId, ...opened } = record;
      return { ...memory, opened };
    }
    case "step_started":
      return { ...memory, stepsStarted: new Map(memory.stepsStarted).set(record.stepNo, record) };
    case "step_ended":
      return { ...memory, stepsEnded: new Map(memory.stepsEnded).set(record.result.stepNo, record.result) };
    case "mask": {
      const mask = { stepNo: record.stepNo, bytes: Buffer.from(record.base64, "base64") };
      return { ...memory, masks: [...memory.masks, mask] };
    }
    case "finishing":
      return { ...memory, finishing: record.report };
  }
}
