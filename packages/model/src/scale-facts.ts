import type { ScalingPolicy } from "./pool.ts";

/**
 * What an agent of a scaled pool is doing. `silent`: it is there, but does not answer. `gone`: it never will again.
 * `spent`: it takes one job only and has had it.
 */
export const SCALED_AGENT_STATES = [
  "starting",
  "idle",
  "busy",
  "draining",
  "silent",
  "spent",
  "ending",
  "gone",
] as const;
export type ScaledAgentState = (typeof SCALED_AGENT_STATES)[number];

/** One agent of a pool, or a machine on which one is to start. */
export interface ScaledAgent {
  /** Null: it joined by hand, so it counts, and is never ended. */
  readonly machineId: string | null;
  readonly name: string;
  readonly state: ScaledAgentState;
  /** How long it has been in this state. */
  readonly sinceMs: number;
  readonly slots: number;
  /** Expected time until each of its jobs ends; one entry for each slot that is taken. */
  readonly leftMs: readonly number[];
  /** One job, then gone. */
  readonly isEphemeral: boolean;
}

/** A job that this pool is to run. */
export interface DemandedJob {
  /** 0 for a queued job, else when its needs are expected to have ended. */
  readonly inMs: number;
  readonly waitedMs: number;
  readonly expectedMs: number;
}

/** Everything that a decision about the size of a pool is made of. */
export interface ScaleFacts {
  readonly nowMs: number;
  readonly policy: ScalingPolicy;
  readonly isPaused: boolean;
  /** Somebody makes machines for it. */
  readonly hasProvider: boolean;
  readonly agents: readonly ScaledAgent[];
  /** Queued jobs, who waited longest first, and those that will be ready soon. At most SCALE_JOBS_MAX of them. */
  readonly jobs: readonly DemandedJob[];
  /** From the request for a machine until its agent takes jobs. */
  readonly startMs: number;
  /** Of an agent that would be made. */
  readonly slots: number;
  /** What keeps the provider from making machines that are asked for, in a sentence; null while it works. */
  readonly providerError: string | null;
  /** Machines that failed one after the other, none having started since; how long ago the last did. */
  readonly failures: { readonly count: number; readonly agoMs: number };
}

/** Decisions look at so many jobs of a pool; what comes behind them cannot start in time whatever is decided. */
export const SCALE_JOBS_MAX = 2_000;

/** The main cause of a decision. */
export const SCALE_CODES = [
  /** Jobs would wait for longer than the target. */
  "queue",
  /** Jobs whose needs are about to end would. */
  "needs",
  /** Fewer agents than the minimum. */
  "min",
  /** Fewer idle agents than are to be kept warm. */
  "warm",
  /** More agents are wanted than the maximum allows. */
  "at_max",
  /** Machines failed; the next is not made yet. */
  "backoff",
  /** The pool is paused: nothing is made. */
  "paused",
  /** It has no provider: nobody makes machines for it. */
  "no_provider",
  /** Agents were idle for longer than they are kept. */
  "idle",
  /** More agents than the maximum. */
  "over_max",
  /** Agents took their one job, or will never answer again. */
  "spent",
  /** Agents on their way are enough. */
  "starting",
  /** Agents were asked for, and the provider cannot make them. */
  "provider_failed",
  /** Agents that are not needed have not been idle for long enough. */
  "cooling",
  /** As many as needed. */
  "enough",
] as const;
export type ScaleCode = (typeof SCALE_CODES)[number];

export type ScaleDirection = "up" | "down" | "hold";

export interface ScaleDecision {
  /** How many agents the pool needs now, within the policy's bounds. */
  readonly desired: number;
  readonly make: number;
  /** Machines to end; never one that is starting or busy. */
  readonly end: readonly { readonly machineId: string; readonly name: string; readonly reason: string }[];
  readonly direction: ScaleDirection;
  readonly code: ScaleCode;
  /** One sentence with the numbers that led to it. */
  readonly reason: string;
}
