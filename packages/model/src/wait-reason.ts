/** Why a job that is not finished does not run. Exactly one holds for every such job; scripts may count on the words. */
export const WAIT_CODES = [
  /** Needs have not ended. */
  "waiting_needs",
  /** The run waits for a person. */
  "approval",
  /** Another run or job holds its concurrency group. */
  "concurrency_group",
  /** As many jobs of its matrix run as may. */
  "max_parallel",
  /** Its try failed for reasons of the farm, and the next one is not due. */
  "backoff",
  /** A limit of its repository or pool is reached. */
  "quota",
  /** No agent there is, and none that could be made, has its labels: it will not start before somebody acts. */
  "no_capacity_ever",
  /** No agent that is there has its labels. */
  "no_agent_matches",
  /** The pools that could run it grant nothing. */
  "pool_paused",
  /** Agents that could run it take nothing new. */
  "agent_draining",
  /** Agents that could run it are not connected. */
  "agents_offline",
  /** An agent is being made for it. */
  "scaling_up",
  /** The provider of its pool fails. */
  "provider_failed",
  /** Every agent that could run it is busy. */
  "all_busy",
  /** A free agent is there: it is granted within a moment, or its offer is on the way. */
  "starting",
  /** It was cancelled and ends. */
  "cancelling",
] as const;
export type WaitCode = (typeof WAIT_CODES)[number];

/** The one answer to "why does it wait". */
export interface WaitReason {
  readonly code: WaitCode;
  /** One sentence with the names and numbers. */
  readonly sentence: string;
  /** What would unblock it. */
  readonly unblock: string;
  /** Nothing but a person's change can start it. */
  readonly isStuck: boolean;
}
