import type { AttemptId, Conclusion, FinishReport, JobId, LeaseId, Outcome } from "@windrow/model";

/** The user that a slot's steps run as. */
export interface JournaledUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** How a step ended and what it left for the steps after it. */
export interface StepResult {
  readonly stepNo: number;
  readonly name: string;
  readonly outcome: Outcome;
  readonly conclusion: Conclusion;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly fault?: string;
  readonly outputs: { readonly [name: string]: string };
  /** Set for the steps that follow, in order. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Put in front of PATH for the steps that follow; the last one first. */
  readonly paths: readonly string[];
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** Length of the step's raw output; 0 when it never started. */
  readonly rawBytes: number;
}

export interface AcceptedRecord {
  readonly kind: "accepted";
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  /** Decimal text: it is larger than a JSON number can hold. */
  readonly fence: string;
  readonly jobId: JobId;
  readonly attemptNo: number;
  readonly slotNo: number;
}

/** What the agent must know again after it died; one line of the journal each. */
export type JournalRecord =
  | AcceptedRecord
  | {
      readonly kind: "opened";
      readonly attemptId: AttemptId;
      readonly user?: JournaledUser;
      /** What the job was given: it keeps it, though a restarted agent gets a new one from the controller. */
      readonly jobToken?: string;
      readonly startedAtMs: number;
      /** On the machine's boot clock. */
      readonly startedAtBootMs: number;
    }
  | {
      readonly kind: "step_started";
      readonly attemptId: AttemptId;
      readonly stepNo: number;
      readonly startedAtMs: number;
      readonly startedAtBootMs: number;
    }
  | { readonly kind: "step_ended"; readonly attemptId: AttemptId; readonly result: StepResult }
  /** Secret bytes (base64) that a step announced; they hold for every later step. */
  | { readonly kind: "mask"; readonly attemptId: AttemptId; readonly stepNo: number; readonly base64: string }
  | { readonly kind: "finishing"; readonly attemptId: AttemptId; readonly report: Omit<FinishReport, "seals"> }
  /** The controller took the result, or the lease is not ours any more: nothing about the attempt is needed. */
  | { readonly kind: "released"; readonly attemptId: AttemptId };

const KINDS: ReadonlySet<unknown> = new Set<JournalRecord["kind"]>([
  "accepted",
  "opened",
  "step_started",
  "step_ended",
  "mask",
  "finishing",
  "released",
]);

/** The journal is the agent's own file, mode 600: the shape of a line is checked, not every field. */
export function isJournalRecord(value: unknown): value is JournalRecord {
  if (typeof value !== "object" || value === null) return false;
  return KINDS.has(Reflect.get(value, "kind")) && typeof Reflect.get(value, "attemptId") === "string";
}
