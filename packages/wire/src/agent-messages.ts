import type {
  AgentId,
  AttemptId,
  FinishReport,
  InstanceId,
  JobId,
  JobPolicy,
  JobState,
  LeaseId,
  LeaseRef,
  Plan,
  StepReport,
  StreamName,
  Toolchain,
} from "@windrow/model";

/**
 * The messages of `proto/windrow/v1/agent.proto` as values, one interface per message; the comments there are the
 * specification. Numbers are 53-bit. Only the fence is a bigint: it may carry a timeline above its sequence, and it is
 * compared ("newer wins"), which text would get wrong.
 */
export interface LeaseHeld {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
}

export interface Hello {
  readonly protocolVersion: number;
  readonly instanceId: InstanceId;
  readonly agentVersion: string;
  readonly slots: number;
  readonly labels: readonly string[];
  readonly held: readonly LeaseHeld[];
  readonly hostname: string;
  /** Tools of languages, as they answered when they were run; absent where none did. */
  readonly toolchains?: readonly Toolchain[];
  /** It runs from a bundle that it can exchange for another one by itself. */
  readonly isUpgradable?: boolean;
}

export interface Heartbeat {
  readonly heartbeatNo: number;
  readonly held: readonly LeaseHeld[];
  readonly freeSlots: number;
}

/** Why an agent turns an offer down. */
export const DECLINE_REASONS = ["no_free_slot", "draining", "disk_full", "stale_fence", "unfit"] as const;
export type DeclineReason = (typeof DECLINE_REASONS)[number];

export type OfferAnswer =
  | { readonly attemptId: AttemptId; readonly leaseId: LeaseId; readonly accepted: true }
  | {
      readonly attemptId: AttemptId;
      readonly leaseId: LeaseId;
      readonly accepted: false;
      readonly declineReason: DeclineReason;
    };

export interface Welcome {
  readonly protocolVersion: number;
  readonly sessionNo: number;
  readonly agentId: AgentId;
  readonly agentName: string;
  readonly pool: string;
  readonly heartbeatEveryMs: number;
  readonly leaseTtlMs: number;
  readonly leaseMarginMs: number;
  readonly orphanGraceMs: number;
  /** Absent when the farm has no NATS. */
  readonly natsJwt?: string;
  readonly natsUrls: readonly string[];
  readonly revokedAttemptIds: readonly AttemptId[];
  readonly draining: boolean;
  /** For what is made ready before a start; the start's own holds. */
  readonly policy: JobPolicy;
  /** Host names and addresses of the farm's own servers, without ports. */
  readonly farmAddresses: readonly string[];
}

export interface HeartbeatReply {
  readonly heartbeatNo: number;
  readonly renewedAttemptIds: readonly AttemptId[];
  readonly revokedAttemptIds: readonly AttemptId[];
  /** Present when two thirds of the credential's life are over. */
  readonly natsJwt?: string;
  /** Over how long the controller's agents are to spread their coming back. */
  readonly reconnectWithinMs?: number;
}

export interface Offer {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly fence: bigint;
  readonly jobId: JobId;
  readonly attemptNo: number;
  readonly expiresInMs: number;
}

export interface Cancel {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly reason: string;
}

export interface Drain {
  readonly draining: boolean;
}

export interface UpgradeFile {
  readonly platform: string;
  /** On the controller's HTTP side. */
  readonly path: string;
  /** Of the archive, in hexadecimal. */
  readonly sha256: string;
}

export interface Upgrade {
  readonly version: string;
  readonly files: readonly UpgradeFile[];
}

export interface UpgradeProblem {
  readonly version: string;
  readonly problem: string;
}

/** The agent cannot run jobs as its pool asks; with no problem it can again. */
export interface Unfit {
  readonly problem: string;
}

/** What the pool says about its jobs has changed. */
export interface PolicyChange {
  readonly policy: JobPolicy;
}

/** What an agent says on its session. */
export type AgentMessage =
  | ({ readonly kind: "hello" } & Hello)
  | ({ readonly kind: "heartbeat" } & Heartbeat)
  | ({ readonly kind: "offerAnswer" } & OfferAnswer)
  | ({ readonly kind: "upgradeProblem" } & UpgradeProblem)
  | ({ readonly kind: "unfit" } & Unfit);

/** What the controller says on an agent's session. */
export type ControllerMessage =
  | ({ readonly kind: "welcome" } & Welcome)
  | ({ readonly kind: "heartbeatReply" } & HeartbeatReply)
  | ({ readonly kind: "offer" } & Offer)
  | ({ readonly kind: "cancel" } & Cancel)
  | ({ readonly kind: "drain" } & Drain)
  | ({ readonly kind: "upgrade" } & Upgrade)
  | ({ readonly kind: "policy" } & PolicyChange);

export interface StartAttemptRequest {
  readonly lease: LeaseRef;
}

export interface StartAttemptReply {
  readonly plan: Plan;
  /** Bytes that must never reach a log. */
  readonly masks: readonly Uint8Array[];
  readonly jobToken: string;
  readonly cancelRequested: boolean;
  /** How this job is to be run. */
  readonly policy: JobPolicy;
  /** Present only when `cancelRequested`. */
  readonly cancelReason?: string;
  /** The event's document, when it has at most EVENT_INLINE_BYTES_MAX; FetchDocument gives larger ones. */
  readonly event?: Uint8Array;
}

export interface ReportStepsRequest {
  readonly lease: LeaseRef;
  readonly steps: readonly StepReport[];
}

export interface ReportStepsReply {
  readonly cancelRequested: boolean;
}

export interface LogOpen {
  readonly lease: LeaseRef;
}

/** When the byte at `offset` was read. */
export interface LogTime {
  readonly offset: number;
  readonly atMs: number;
}

export interface LogChunk {
  readonly stream: StreamName;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly times: readonly LogTime[];
  readonly end: boolean;
}

export type LogMessage = ({ readonly kind: "open" } & LogOpen) | ({ readonly kind: "chunk" } & LogChunk);

/** All bytes of `stream` before `offset` are durable. */
export interface LogAck {
  readonly stream: StreamName;
  readonly offset: number;
}

export interface FinishAttemptRequest {
  readonly lease: LeaseRef;
  readonly report: FinishReport;
  /** Reports that were not taken yet; written before the attempt ends. */
  readonly steps: readonly StepReport[];
}

export type FinishAttemptReply =
  | { readonly kind: "accepted"; readonly jobState: JobState }
  | { readonly kind: "needLog"; readonly stream: StreamName; readonly offset: number };
