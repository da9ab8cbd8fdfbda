import type { AttemptId, FinishReport, JobPolicy, StreamName } from "@windrow/model";
import type { AcceptedRecord, JournaledUser, JournalRecord, StartNote, StepResult } from "./journal-records.ts";

/** What the journal says about one attempt that is still held. */
export interface AttemptMemory {
  readonly accepted: AcceptedRecord;
  readonly opened?: {
    readonly user?: JournaledUser;
    readonly jobToken?: string;
    readonly hasOwnNetwork?: boolean;
    readonly policy?: JobPolicy;
    readonly startedAtMs: number;
    readonly startedAtBootMs: number;
  };
  /** Containers were made for it. */
  readonly containersOpened?: boolean;
  /** Ids of images by name. */
  readonly images: ReadonlyMap<string, string>;
  readonly stepsStarted: ReadonlyMap<number, StartedStep>;
  readonly stepsEnded: ReadonlyMap<number, StepResult>;
  /** Parts of steps by `partKey`, in the order in which they began. */
  readonly parts: ReadonlyMap<string, StepPartMemory>;
  readonly masks: readonly RememberedMask[];
  /** Streams of steps that were cut, and at which byte. */
  readonly logCuts: ReadonlyMap<StreamName, number>;
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

/** Grows with every line: a job may have hundreds of thousands, and copies of all that came before would take for ever. */
interface GrowingMemory extends AttemptMemory {
  opened?: NonNullable<AttemptMemory["opened"]>;
  containersOpened?: boolean;
  readonly images: Map<string, string>;
  readonly stepsStarted: Map<number, StartedStep>;
  readonly stepsEnded: Map<number, StepResult>;
  readonly parts: Map<string, StepPartMemory>;
  readonly masks: RememberedMask[];
  readonly logCuts: Map<StreamName, number>;
  finishing?: NonNullable<AttemptMemory["finishing"]>;
}

/** An attempt about which nothing but its acceptance is known. */
export function freshMemory(accepted: AcceptedRecord): AttemptMemory {
  return beginMemory(accepted);
}

function beginMemory(accepted: AcceptedRecord): GrowingMemory {
  const maps = {
    images: new Map(),
    stepsStarted: new Map(),
    stepsEnded: new Map(),
    parts: new Map(),
    logCuts: new Map(),
  };
  return { accepted, ...maps, masks: [] };
}

/** Folds the journal's lines; attempts that were released, or whose acceptance is missing, are not in the answer. */
export function foldJournal(records: readonly JournalRecord[]): Map<AttemptId, AttemptMemory> {
  const held = new Map<AttemptId, GrowingMemory>();
  for (const record of records) {
    if (record.kind === "accepted") {
      held.set(record.attemptId, beginMemory(record));
      continue;
    }
    const memory = held.get(record.attemptId);
    if (memory === undefined) continue;
    if (record.kind === "released") held.delete(record.attemptId);
    else addRecord(memory, record);
  }
  return held;
}

function addRecord(memory: GrowingMemory, record: Exclude<JournalRecord, { kind: "accepted" | "released" }>): void {
  switch (record.kind) {
    case "opened": {
      const { kind: _kind, attemptId: _attemptId, ...opened } = record;
      memory.opened = opened;
      break;
    }
    case "containers_opened":
      memory.containersOpened = true;
      break;
    case "image":
      memory.images.set(record.name, record.imageId);
      break;
    case "step_started":
      memory.stepsStarted.set(record.stepNo, { ...record, masksCount: memory.masks.length });
      break;
    case "step_ended":
      memory.stepsEnded.set(record.result.stepNo, record.result);
      break;
    case "part_started": {
      const key = partKey(record.stepNo, record.partNo);
      memory.parts.set(key, { ...memory.parts.get(key), started: record });
      break;
    }
    case "part_ended": {
      const { partNo, result } = record;
      const key = partKey(result.stepNo, partNo);
      memory.parts.set(key, { ...memory.parts.get(key), result });
      break;
    }
    case "mask": {
      const { stepNo, base64, heldFrom } = record;
      memory.masks.push({ stepNo, bytes: Buffer.from(base64, "base64"), heldFrom: heldFrom ?? [] });
      break;
    }
    case "log_cut":
      memory.logCuts.set(`${record.stepNo}`, record.storedBytes);
      break;
    case "finishing":
      memory.finishing = record.report;
      break;
  }
}
