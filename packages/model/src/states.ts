/**
 * Every state of every thing, once. SQL check constraints and the proto enums are compared with these lists by a test.
 * Cancel requests, holds and back-off are columns, not states.
 */
export const RUN_STATES = ["waiting", "running", "finished"] as const;
export type RunState = (typeof RUN_STATES)[number];

export const JOB_STATES = ["blocked", "queued", "leased", "running", "finished"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** `declined` and `expired` end an offer that never started and cost no budget. */
export const ATTEMPT_STATES = ["offered", "running", "finished", "lost", "revoked", "declined", "expired"] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

export const STEP_STATES = ["pending", "running", "finished"] as const;
export type StepState = (typeof STEP_STATES)[number];

export const AGENT_STATES = ["joining", "ready", "draining", "suspect", "lost", "removed"] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** How a step or job ended, before `continue-on-error` is applied. */
export const OUTCOMES = ["succeeded", "failed", "cancelled", "skipped", "timed_out", "lost"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** GitHub's words, after `continue-on-error`: what expressions, `needs.x.result` and people see. */
export const CONCLUSIONS = ["success", "failure", "cancelled", "skipped"] as const;
export type Conclusion = (typeof CONCLUSIONS)[number];

export const TRUSTS = ["trusted", "untrusted"] as const;
export type Trust = (typeof TRUSTS)[number];

/** Of a run or job that asked for a concurrency group: `requested` until it is decided, `replaced` by a newer one. */
export const CONCURRENCY_STATES = ["requested", "pending", "holding", "replaced"] as const;
export type ConcurrencyState = (typeof CONCURRENCY_STATES)[number];

/** A machine that a provider made, or is to make, for one agent. */
export const MACHINE_STATES = ["creating", "starting", "ready", "ending", "ended", "failed"] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

export const isRunFinished = (state: RunState): boolean => state === "finished";
export const isJobFinished = (state: JobState): boolean => state === "finished";
export const isAttemptOpen = (state: AttemptState): boolean => state === "offered" || state === "running";
export const isAgentConnected = (state: AgentState): boolean => state === "ready" || state === "draining";
