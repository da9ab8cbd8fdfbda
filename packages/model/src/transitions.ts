import type { AgentState, AttemptState, JobState, MachineState, RunState } from "./states.ts";

/** A legal change: it happens only to a row that is in one of the `from` states, and every one is told with a reason. */
export interface Transition<State extends string> {
  readonly name: string;
  readonly from: readonly State[];
  readonly to: State;
}

const transition = <State extends string>(name: string, from: readonly State[], to: State): Transition<State> => ({
  name,
  from,
  to,
});

/** Every way a job changes its state. Nothing leads out of `finished`: a rerun makes new rows. */
export const JOB_TRANSITIONS = {
  queue: transition<JobState>("queue", ["blocked"], "queued"),
  /** A job that is another workflow: no agent has it, its inner jobs run. */
  open: transition<JobState>("open", ["blocked"], "running"),
  /** Skipped, or failed before it could be queued (a diagnostic). */
  settle: transition<JobState>("settle", ["blocked"], "finished"),
  grant: transition<JobState>("grant", ["queued"], "leased"),
  /** The offer was declined or expired. */
  release: transition<JobState>("release", ["leased"], "queued"),
  start: transition<JobState>("start", ["leased"], "running"),
  requeue: transition<JobState>("requeue", ["leased", "running"], "queued"),
  finish: transition<JobState>("finish", ["leased", "running"], "finished"),
  /** Cancelled while no agent has it. */
  cancel: transition<JobState>("cancel", ["blocked", "queued"], "finished"),
} as const;

export const ATTEMPT_TRANSITIONS = {
  start: transition<AttemptState>("start", ["offered"], "running"),
  decline: transition<AttemptState>("decline", ["offered"], "declined"),
  expire: transition<AttemptState>("expire", ["offered"], "expired"),
  finish: transition<AttemptState>("finish", ["running"], "finished"),
  lose: transition<AttemptState>("lose", ["running"], "lost"),
  /** The controller took it away: the agent was removed, or ignored a time-out. */
  revoke: transition<AttemptState>("revoke", ["offered", "running"], "revoked"),
} as const;

export const RUN_TRANSITIONS = {
  approve: transition<RunState>("approve", ["waiting"], "running"),
  /** Its concurrency group is free. */
  begin: transition<RunState>("begin", ["waiting"], "running"),
  conclude: transition<RunState>("conclude", ["waiting", "running"], "finished"),
  /** Jobs of a new run attempt were added. The run's row is its summary; the jobs of earlier attempts stay finished. */
  rerun: transition<RunState>("rerun", ["finished"], "running"),
  /** As `rerun`, of a run that has to ask for its concurrency group again. */
  rerunWaiting: transition<RunState>("rerunWaiting", ["finished"], "waiting"),
} as const;

export const AGENT_TRANSITIONS = {
  connect: transition<AgentState>("connect", ["joining", "ready", "draining", "suspect", "lost"], "ready"),
  /** It was asked to drain while it was away. */
  connectDraining: transition<AgentState>(
    "connectDraining",
    ["joining", "ready", "draining", "suspect", "lost"],
    "draining",
  ),
  /** A heartbeat of the session that was thought to be over. */
  revive: transition<AgentState>("revive", ["suspect"], "ready"),
  reviveDraining: transition<AgentState>("reviveDraining", ["suspect"], "draining"),
  drain: transition<AgentState>("drain", ["ready"], "draining"),
  resume: transition<AgentState>("resume", ["draining"], "ready"),
  suspect: transition<AgentState>("suspect", ["ready", "draining"], "suspect"),
  lose: transition<AgentState>("lose", ["suspect"], "lost"),
  /** It said goodbye and held no attempt: nothing is to be waited for. */
  leave: transition<AgentState>("leave", ["ready", "draining", "suspect"], "lost"),
  remove: transition<AgentState>("remove", ["joining", "ready", "draining", "suspect", "lost"], "removed"),
} as const;

export const MACHINE_TRANSITIONS = {
  /** Its provider says that it is there; its agent has not joined yet. */
  create: transition<MachineState>("create", ["creating"], "starting"),
  /** Its agent joined: also when that is seen before the provider's answer. */
  join: transition<MachineState>("join", ["creating", "starting"], "ready"),
  /** It is to go: its agent is drained and holds nothing, or it never came. */
  end: transition<MachineState>("end", ["creating", "starting", "ready"], "ending"),
  /** The provider does not list it any more. */
  gone: transition<MachineState>("gone", ["creating", "starting", "ready", "ending"], "ended"),
  /** The provider could not make it, or its agent never joined; nothing of it is left. */
  fail: transition<MachineState>("fail", ["creating", "starting", "ending"], "failed"),
} as const;

export type JobTransition = (typeof JOB_TRANSITIONS)[keyof typeof JOB_TRANSITIONS];
export type AttemptTransition = (typeof ATTEMPT_TRANSITIONS)[keyof typeof ATTEMPT_TRANSITIONS];
export type MachineTransition = (typeof MACHINE_TRANSITIONS)[keyof typeof MACHINE_TRANSITIONS];
