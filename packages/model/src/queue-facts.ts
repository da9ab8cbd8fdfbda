import type { AgentId, JobId, RepositoryId } from "./ids.ts";
import type { Trust } from "./states.ts";

/** A queued job as the dispatcher of one pool sees it. */
export interface Candidate {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  readonly owner: string;
  /** What `runs-on` asks for, in lower case. */
  readonly labels: readonly string[];
  readonly priority: number;
  readonly waitedMs: number;
  /** The pool of the repository's language. */
  readonly preferredPool: string | null;
  readonly trust: Trust;
  /** Matrix siblings share a key; absent when any number may run at once. */
  readonly siblingLimit?: { readonly key: string; readonly left: number };
}

/** An agent that may be offered something now. */
export interface FreeAgent {
  readonly agentId: AgentId;
  /** Everything a job may ask of it, aliases and `pool:NAME` among them, in lower case. */
  readonly labels: readonly string[];
  readonly freeSlots: number;
}

/** What the fair share and the limits need to know of a repository. */
export interface RepositoryShare {
  readonly owner: string;
  readonly ownerWeight: number;
  /** Leased and running jobs of the owner now, in all pools. */
  readonly ownerOpen: number;
  readonly weight: number;
  /** Leased and running jobs of the repository now, in all pools. */
  readonly open: number;
  /** How many more may run at once; null: any number. */
  readonly jobsLeft: number | null;
  /** Agents that have its files already. */
  readonly warmAgentIds: readonly AgentId[];
}

/** What is known of a repository that nobody said anything about. */
export const plainShare = (owner: string): RepositoryShare => ({
  owner,
  ownerWeight: 1,
  ownerOpen: 0,
  weight: 1,
  open: 0,
  jobsLeft: null,
  warmAgentIds: [],
});

/** Of a pool: what decides whether a job goes to it or to another one. */
export interface PoolRank {
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly untrustedAllowed: boolean;
}

/** Another pool that has room now: its free slots by the labels of their agents. */
export interface PoolRoom extends PoolRank {
  /** How many more jobs the pool may run; null: as many as it has slots. */
  readonly jobsLeft: number | null;
  readonly rooms: readonly { readonly labels: readonly string[]; readonly freeSlots: number }[];
}
