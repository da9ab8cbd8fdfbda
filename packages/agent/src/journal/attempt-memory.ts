import type { AttemptId, FinishReport } from "@windrow/model";
import type { AcceptedRecord, JournaledUser, JournalRecord, StartNote, StepResult } from "./journal-records.ts";

/** What the journal says about one attempt that is still held. */
export interface AttemptMemory {
  readonly accepted: AcceptedRecord;
  readonly opened?: {
    readonly user?: JournaledUser;
    readonly jobToken?: string;
    readonly startedAtMs: number;
    readonly startedAtBootMs: number;
  };
  readonly stepsStarted: ReadonlyMap<number, StartedStep>;
  readonly stepsEnded: ReadonlyMap<number, StepResult>;
  /** Parts of steps by `partKey`, in the order in which they began. */
  readonly parts: ReadonlyMap<string, StepPartMemory>;
  readonly masks: readonly RememberedMask[];
  readonly finishing?: Omit<FinishReport, "seals">;
}

export interface StartedStep extends StartNote {
  /** How many secrets had been announced when it began. */
  readonly masksCount: number;
}

export interface StepPartMemory {
  readonly started?: StartNote & { readonly text: string };
  readonly result?: StepResult;
}

export interface RememberedMask {
  readonly stepNo: number;
  readonly bytes: Buffer;
  readonly heldFrom: readonly (readonly [stepNo: number, rawOffset: number])[];
}

export const partKey = (stepNo: number, partNo: number): string => `${stepNo}/${partNo}`;

/** An attempt about which nothing but its acceptance is known. */
export function freshMemory(accepted: AcceptedRecord): AttemptMemory {
  return { accepted, stepsStarted: new Map(), stepsEnded: new Map(), parts: new Map(), masks: [] };
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
    case "step_started": {
      const started = { ...record, masksCount: memory.masks.length };
      return { ...memory, stepsStarted: new Map(memory.stepsStarted).set(record.stepNo, started) };
    }
    case "step_ended":
      return { ...memory, stepsEnded: new Map(memory.stepsEnded).set(record.result.stepNo, record.result) };
    case "part_started": {
      const key = partKey(record.stepNo, record.partNo);
      return { ...memory, parts: new Map(memory.parts).set(key, { ...memory.parts.get(key), started: record }) };
    }
    case "part_ended": {
      const { partNo, result } = record;
      const key = partKey(result.stepNo, partNo);
      return { ...memory, parts: new Map(memory.parts).set(key, { ...memory.parts.get(key), result }) };
    }
    case "mask": {
      const { stepNo, base64, heldFrom } = record;
      const mask = { stepNo, bytes: Buffer.from(base64, "base64"), heldFrom: heldFrom ?? [] };
      return { ...memory, masks: [...memory.masks, mask] };
    }
    case "finishing":
      return { ...memory, finishing: record.report };
  }
}
