import { randomUUID } from "node:crypto";
import {
  type AgentId,
  ageGrants,
  asAttemptId,
  asLeaseId,
  BETTER_POOL_WAIT_MS,
  type Candidate,
  type GrantHistory,
  labelsKey,
  type Match,
  matchOffers,
  recordGrants,
} from "@windrow/model";
import {
  type CandidateRow,
  type Database,
  type DispatcherTerm,
  type FreeAgentRow,
  findCandidates,
  findFreeAgents,
  findPoolRooms,
  type GrantedLease,
  type PoolRow,
} from "@windrow/store";
import { applyChoices } from "./apply-choices.ts";

export interface DispatchPassDeps {
  readonly db: Database;
  /** True while an agent is not to be offered anything. */
  readonly isAvoided: (agentId: AgentId) => boolean;
}

export interface DispatchPassInput {
  readonly pool: PoolRow;
  readonly term: DispatcherTerm;
  /** False spares the look at the others: no other pool grants anything now. */
  readonly hasOtherPools: boolean;
  /** Of this pool, as the pass before left it. */
  readonly history: GrantHistory;
  /** On the clock of the history. */
  readonly atMs: number;
}

export interface DispatchPass {
  readonly granted: readonly GrantedLease[];
  /** More could be granted at once: look again. */
  readonly isMore: boolean;
  /** Jobs were left to a better pool: look again after this long. */
  readonly recheckMs: number | null;
  /** How long each granted job had waited, ms. */
  readonly waitedMs: readonly number[];
  readonly history: GrantHistory;
}

const PER_REPOSITORY_MIN = 8;
const PER_REPOSITORY_MAX = 32;
const OFFERS_MAX = 64;

/** One look at the queue of one pool: read a bounded window, choose, apply what still holds. */
export async function dispatchPool(deps: DispatchPassDeps, input: DispatchPassInput): Promise<DispatchPass> {
  const { db } = deps;
  const { pool, term, atMs } = input;
  const nothing: DispatchPass = { granted: [], isMore: false, recheckMs: null, waitedMs: [], history: input.history };
  const wanted = await findFreeAgents(db, pool.name, { isWanted: true });
  const agents = wanted.filter((agent) => !deps.isAvoided(agent.agentId));
  if (agents.length === 0) return nothing;
  const freeSlots = agents.reduce((sum, agent) => sum + agent.freeSlots, 0);
  const window = await findCandidates(db, {
    pool: pool.name,
    agentLabels: distinctLabels(agents),
    agentIds: agents.length > 1 ? agents.map((agent) => agent.agentId) : [],
    perRepositoryMax: Math.min(PER_REPOSITORY_MAX, Math.max(PER_REPOSITORY_MIN, freeSlots)),
    untrustedAllowed: pool.untrustedAllowed,
  });
  if (window.candidates.length === 0) return nothing;
  const isYoung = window.candidates.some((candidate) => candidate.waitedMs < BETTER_POOL_WAIT_MS);
  const shares = new Map(window.repositories.map((share) => [share.repositoryId, share]));
  const history = ageGrants(input.history, { atMs, shares });
  const { matches, recheckMs } = matchOffers(window.candidates.map(toCandidate), agents, {
    pool,
    poolJobsLeft: window.poolJobsLeft,
    otherPools: isYoung && input.hasOtherPools ? await findPoolRooms(db, pool.name) : [],
    shares,
    history,
    offersMax: OFFERS_MAX,
  });
  if (matches.length === 0) return { ...nothing, recheckMs, history };
  const byJob = new Map(window.candidates.map((row) => [row.jobId, row]));
  const granted = await applyChoices(db, term, {
    choices: matches.map(({ jobId, agentId, repositoryId }) => ({
      ...{ jobId, agentId, attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) },
      repositoryId,
      siblingKey: byJob.get(jobId)?.siblingKey ?? null,
      isRepositoryLimited: (shares.get(repositoryId)?.jobsLeft ?? null) !== null,
    })),
  });
  return {
    granted,
    isMore:
      granted.length > 0 &&
      granted.length < freeSlots &&
      (matches.length === OFFERS_MAX || hidesMore(window.candidates, window.perRepository)),
    recheckMs,
    waitedMs: granted.flatMap((lease) => byJob.get(lease.jobId)?.waitedMs ?? []),
    history: recordGrants(history, grantedOnly(matches, granted)),
  };
}

function grantedOnly(matches: readonly Match[], granted: readonly GrantedLease[]): Match[] {
  const held = new Set(granted.map((lease) => lease.jobId));
  return matches.filter((match) => held.has(match.jobId));
}

/** True when a repository may have more queued jobs than the window shows, or a limit that it just reached hid others. */
function hidesMore(rows: readonly CandidateRow[], perRepository: number): boolean {
  const shown = new Map<number, number>();
  for (const { repositoryId } of rows) shown.set(repositoryId, (shown.get(repositoryId) ?? 0) + 1);
  return [...shown.values()].some((count) => count >= perRepository);
}

function toCandidate(row: CandidateRow): Candidate {
  const { siblingKey, siblingsLeft } = row;
  return siblingKey === null || siblingsLeft === null
    ? row
    : { ...row, siblingLimit: { key: siblingKey, left: siblingsLeft } };
}

function distinctLabels(agents: readonly FreeAgentRow[]): (readonly string[])[] {
  return [...new Map(agents.map((agent) => [labelsKey(agent.labels), agent.labels])).values()];
}
