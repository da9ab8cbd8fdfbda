import type { AgentId, AttemptId, RunId, StreamName } from "@windrow/model";
import type { Cancel, Drain, Offer } from "./agent-messages.ts";

/** The messages of `proto/windrow/v1/bus.proto` as values; the comments there are the specification. All are hints. */
export interface PoolWake {
  readonly pool: string;
}

export interface RunChanged {
  readonly runId: RunId;
}

/** Why a session is ended from outside. */
export const KICK_REASONS = ["superseded", "removed"] as const;
export type KickReason = (typeof KICK_REASONS)[number];

export interface Kick {
  /** Absent: whichever session the agent has. */
  readonly sessionNo?: number;
  readonly reason: KickReason;
}

/** For the controller that holds the agent's session. */
export type AgentHint = { readonly agentId: AgentId } & (
  | ({ readonly kind: "offer" } & Offer)
  | ({ readonly kind: "cancel" } & Cancel)
  | ({ readonly kind: "drain" } & Drain)
  | ({ readonly kind: "kick" } & Kick)
);

export interface LogTailWanted {
  readonly attemptId: AttemptId;
  readonly stream: StreamName;
  readonly untilMs: number;
  /** Of the watching process; empty when it did not say. */
  readonly watcher: string;
}

export interface LogTailBytes {
  readonly attemptId: AttemptId;
  readonly stream: StreamName;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly end: boolean;
}
