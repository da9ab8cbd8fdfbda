import type {
  Annotation,
  AttemptId,
  Conclusion,
  FinishReport,
  JobId,
  JobPolicy,
  LeaseId,
  Outcome,
} from "@windrow/model";

/** The user that a slot's steps run as. */
export interface JournaledUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A piece of a step's log: what one process wrote, or lines of the agent's own. */
export type StepPart =
  | { readonly kind: "process"; readonly backendNo: number; readonly rawBytes: number }
  /** What was said while the image of that process was got. */
  | { readonly kind: "image"; readonly backendNo: number; readonly rawBytes: number }
  | { readonly kind: "text"; readonly text: string };

/** What an action does after the job's own steps; everything about it was decided when its step ran. */
export interface PostRecord {
  /** Which action of the step, by its place in composite actions: `0.2`; empty for the step's own. */
  readonly place: string;
  readonly name: string;
  /** Node actions. */
  readonly script?: { readonly using: string; readonly path: string };
  /** Built-in actions. */
  readonly argv?: readonly string[];
  /** Docker actions. */
  readonly container?: {
    readonly imageId: string;
    readonly entrypoint: string;
    readonly args: readonly string[];
  };
  /** On the machine although the job has a container. */
  readonly isOnMachine?: boolean;
  readonly condition: string;
  /** What it sees beside the job's environment: inputs, state, the step's own variables. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** It sees `env` alone: nothing of what the job set reaches it. */
  readonly isTrusted?: boolean;
  /** GITHUB_ACTION… of the action. */
  readonly actionName: string;
  readonly action: { readonly path: string; readonly repository: string; readonly ref: string };
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
  /** By place of the action (see PostRecord): what it keeps for its own later parts. */
  readonly state?: { readonly [place: string]: { readonly [name: string]: string } };
  /** In the order in which the actions began. */
  readonly posts?: readonly PostRecord[];
  readonly annotations?: readonly Annotation[];
  /** Where the agent keeps what its processes wrote for people, without secrets. */
  readonly summaryFiles?: readonly string[];
  /** Numbers that its inner parts took; see part_started. */
  readonly innerPartsCount?: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** Its log in order; empty when nothing of it was started. */
  readonly parts: readonly StepPart[];
}

/** When a step or a part of one began. */
export interface StartNote {
  readonly startedAtMs: number;
  readonly startedAtBootMs: number;
  /** It began although the job had been stopped: only the end of all patience ends it. */
  readonly isAfterStop?: boolean;
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
      /** The job has a network of its own, beside those of its containers. */
      readonly hasOwnNetwork?: boolean;
      /** What the pool said when it was opened: a job goes on as it began. */
      readonly policy?: JobPolicy;
      readonly startedAtMs: number;
      /** On the machine's boot clock. */
      readonly startedAtBootMs: number;
    }
  /** The engine made its containers: an agent that comes back finds them, or they are gone. */
  | { readonly kind: "containers_opened"; readonly attemptId: AttemptId }
  /** An image by the id that the steps of this job use for a name. */
  | { readonly kind: "image"; readonly attemptId: AttemptId; readonly name: string; readonly imageId: string }
  | ({ readonly kind: "step_started"; readonly attemptId: AttemptId; readonly stepNo: number } & StartNote)
  | { readonly kind: "step_ended"; readonly attemptId: AttemptId; readonly result: StepResult }
  /** A part of a step, counted in the order in which they came up: a step of a composite action, or one of several after-parts. */
  | ({
      readonly kind: "part_started";
      readonly attemptId: AttemptId;
      readonly stepNo: number;
      readonly partNo: number;
      /** What the agent wrote into the log before it. */
      readonly text: string;
    } & StartNote)
  | {
      readonly kind: "part_ended";
      readonly attemptId: AttemptId;
      readonly partNo: number;
      readonly result: StepResult;
    }
  /** Secret bytes (base64) that a step announced; they hold for every later step. */
  | {
      readonly kind: "mask";
      readonly attemptId: AttemptId;
      readonly stepNo: number;
      readonly base64: string;
      /** Other streams that were open then, and from where it holds in them. */
      readonly heldFrom?: readonly (readonly [stepNo: number, rawOffset: number])[];
    }
  /** The job's log is beyond its limit: of this step's, no more is stored before the end than so many bytes. */
  | {
      readonly kind: "log_cut";
      readonly attemptId: AttemptId;
      readonly stepNo: number;
      readonly storedBytes: number;
    }
  | { readonly kind: "finishing"; readonly attemptId: AttemptId; readonly report: Omit<FinishReport, "seals"> }
  /** The controller took the result, or the lease is not ours any more: nothing about the attempt is needed. */
  | { readonly kind: "released"; readonly attemptId: AttemptId };

const KINDS: ReadonlySet<unknown> = new Set<JournalRecord["kind"]>([
  "accepted",
  "opened",
  "containers_opened",
  "image",
  "step_started",
  "step_ended",
  "part_started",
  "part_ended",
  "mask",
  "log_cut",
  "finishing",
  "released",
]);

/** The journal is the agent's own file, mode 600: the shape of a line is checked, not every field. */
export function isJournalRecord(value: unknown): value is JournalRecord {
  if (typeof value !== "object" || value === null) return false;
  return KINDS.has(Reflect.get(value, "kind")) && typeof Reflect.get(value, "attemptId") === "string";
}
