import type { Trust } from "./states.ts";

/** A job that neither runs nor is finished, with all that may keep it from running. */
export interface WaitingJob {
  readonly state: "blocked" | "queued" | "leased";
  /** It is another workflow: no agent is needed. */
  readonly isCall: boolean;
  readonly key: string;
  readonly workflowPath: string;
  readonly repository: string;
  /** What `runs-on` asks for, in lower case; empty until it is known. */
  readonly labels: readonly string[];
  readonly trust: Trust;
  readonly isCancelRequested: boolean;
  /** Why its run has not begun; null when it has. */
  readonly runWaitsFor: string | null;
  /** The concurrency group that it, or its run, asked for and has not got; null when there is none. */
  readonly group: {
    readonly name: string;
    /** Null for a moment: nobody has it, and it is about to be given away. */
    readonly holder: { readonly runId: number; readonly jobName: string | null } | null;
    /** Others that asked before it and wait, too. */
    readonly aheadCount: number;
  } | null;
  /** Why it is held, in a sentence; null when it is not. */
  readonly heldReason: string | null;
  readonly needsOpenCount: number;
  /** The first few of the needs that have not ended. */
  readonly needsOpen: readonly { readonly name: string; readonly isRunning: boolean }[];
  /** How many jobs of its matrix may run at once, and do; null for any number. */
  readonly siblings: { readonly max: number; readonly openCount: number } | null;
  /** A try of it ended for reasons of the farm, and the next is not due. */
  readonly retry: { readonly no: number; readonly inMs: number } | null;
  /** Of its repository: how many of its jobs may run at once (null: any number), and do. */
  readonly repositoryJobs: { readonly max: number | null; readonly openCount: number };
  /** The agent that it was offered to. */
  readonly offeredTo: string | null;
}

/** Agents of one pool that have the same labels, counted. An agent is counted once, by the first word that is true. */
export interface AgentGroup {
  readonly pool: string;
  /** `agents.effective_labels` */
  readonly labels: readonly string[];
  readonly readyCount: number;
  /** Asked to take nothing new, disabled, or not fit for what its pool asks. */
  readonly drainingCount: number;
  /** Not connected. */
  readonly offlineCount: number;
  /** Of the ready ones. */
  readonly slots: number;
  readonly freeSlots: number;
  /** One that drains or cannot do as its pool asks, with the reason given. */
  readonly draining: { readonly name: string; readonly reason: string | null; readonly isUnfit?: boolean } | null;
  /** One that is not connected. */
  readonly offline: { readonly name: string; readonly seenAgoMs: number | null } | null;
}

export interface FleetPool {
  readonly name: string;
  /** What every agent of it would have, `pool:NAME` and aliases among them. */
  readonly labels: readonly string[];
  /** Null: it grants. */
  readonly paused: { readonly by: string | null; readonly reason: string | null } | null;
  readonly untrustedAllowed: boolean;
  /** How many jobs it may run at once (null: any number), and does. */
  readonly jobsMax: number | null;
  readonly jobsOpenCount: number;
  /** Null: its agents are not made by the farm. */
  readonly scaling: PoolScaling | null;
}

export interface PoolScaling {
  readonly agentsMax: number;
  /** What agents made for the pool have: as the pool says, and as the last one that joined had. */
  readonly labelSets: readonly (readonly string[])[];
  /** Machines that are there or are being made. */
  readonly machinesCount: number;
  /** Machines that are being made or start, and for how long the oldest of them has been. */
  readonly comingCount: number;
  readonly comingForMs: number;
  /** The provider's last error, while nothing has come of it since; null when it works. */
  readonly failure: { readonly error: string; readonly retryInMs: number | null } | null;
}

/** Who could run jobs. */
export interface Fleet {
  readonly pools: readonly FleetPool[];
  readonly agentGroups: readonly AgentGroup[];
}

/** How many agents there are, connected or not. */
export function countAgents(fleet: Fleet): number {
  return fleet.agentGroups.reduce((sum, group) => sum + group.readyCount + group.drainingCount + group.offlineCount, 0);
}

export function hasLabels(labels: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((label) => labels.includes(label));
}
