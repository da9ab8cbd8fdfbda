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
  readonly preferredPool: string | null;
  readonly trust: Trust;
  /** Matrix siblings share a key; absent when any number may run at once. */
  readonly siblingLimit?: { readonly key: string; readonly left: number };
}

export interface FreeAgent {
  readonly agentId: AgentId;
  /** Own labels and the pool's, in lower case. */
  readonly labels: readonly string[];
  readonly freeSlots: number;
}

export interface MatchOptions {
  readonly pool: string;
  readonly untrustedAllowed: boolean;
  /** Leased and running jobs now, for the fair share. */
  readonly openByOwner: ReadonlyMap<string, number>;
  readonly openByRepository: ReadonlyMap<RepositoryId, number>;
  readonly offersMax: number;
}

export interface Match {
  readonly jobId: JobId;
  readonly agentId: AgentId;
}

/** A job is left to the pool of its language for this long. */
export const PREFERRED_POOL_WAIT_MS = 5_000;
/** Waiting this long raises a job by one priority, so that a low one is not passed over for ever. */
export const AGING_EVERY_MS = 60_000;

/**
 * Which free agent gets which job. The highest aged priority goes first; among equals the owner, then the repository,
 * with the fewest open jobs; then who came first. A job goes to the agent with the fewest labels that can run it (so
 * that special agents stay free for those who need them), then the one with the most room. The same input always gives
 * the same answer.
 */
export function matchOffers(
  candidates: readonly Candidate[],
  agents: readonly FreeAgent[],
  options: MatchOptions,
): Match[] {
  const room = createRoom(agents);
  const openByOwner = new Map(options.openByOwner);
  const openByRepository = new Map(options.openByRepository);
  const siblingsLeft = new Map<string, number>();
  const queues = groupByRepository(candidates.filter((candidate) => isAllowed(candidate, options)));
  const matches: Match[] = [];
  while (matches.length < options.offersMax && room.isFree()) {
    const queue = pickQueue(queues, openByOwner, openByRepository);
    const candidate = queue?.shift();
    if (candidate === undefined) break;
    // what cannot be placed now cannot be placed later in this pass: room only shrinks
    const limit = candidate.siblingLimit;
    const left = limit === undefined ? 1 : (siblingsLeft.get(limit.key) ?? limit.left);
    if (left <= 0) continue;
    const agentId = room.take(candidate.labels);
    if (agentId === undefined) continue;
    if (limit !== undefined) siblingsLeft.set(limit.key, left - 1);
    openByOwner.set(candidate.owner, (openByOwner.get(candidate.owner) ?? 0) + 1);
    openByRepository.set(candidate.repositoryId, (openByRepository.get(candidate.repositoryId) ?? 0) + 1);
    matches.push({ jobId: candidate.jobId, agentId });
  }
  return matches;
}

function isAllowed(candidate: Candidate, options: MatchOptions): boolean {
  if (candidate.trust === "untrusted" && !options.untrustedAllowed) return false;
  const { preferredPool } = candidate;
  return preferredPool === null || preferredPool === options.pool || candidate.waitedMs >= PREFERRED_POOL_WAIT_MS;
}

const agedPriority = (candidate: Candidate): number =>
  candidate.priority + Math.floor(candidate.waitedMs / AGING_EVERY_MS);

const byRank = (a: Candidate, b: Candidate): number =>
  agedPriority(b) - agedPriority(a) || b.waitedMs - a.waitedMs || a.jobId - b.jobId;

function groupByRepository(candidates: readonly Candidate[]): Candidate[][] {
  const groups = new Map<RepositoryId, Candidate[]>();
  for (const candidate of candidates) {
    const group = groups.get(candidate.repositoryId);
    if (group === undefined) groups.set(candidate.repositoryId, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()].map((group) => group.sort(byRank));
}

function pickQueue(
  queues: readonly Candidate[][],
  openByOwner: ReadonlyMap<string, number>,
  openByRepository: ReadonlyMap<RepositoryId, number>,
): Candidate[] | undefined {
  let best: Candidate[] | undefined;
  for (const queue of queues) {
    const [head] = queue;
    if (head === undefined) continue;
    const bestHead = best?.[0];
    if (bestHead === undefined || compareHeads(head, bestHead) < 0) best = queue;
  }
  return best;

  function compareHeads(a: Candidate, b: Candidate): number {
    return (
      agedPriority(b) - agedPriority(a) ||
      (openByOwner.get(a.owner) ?? 0) - (openByOwner.get(b.owner) ?? 0) ||
      (openByRepository.get(a.repositoryId) ?? 0) - (openByRepository.get(b.repositoryId) ?? 0) ||
      byRank(a, b)
    );
  }
}

function createRoom(agents: readonly FreeAgent[]) {
  const free = agents
    .filter((agent) => agent.freeSlots > 0)
    .map((agent) => ({ agentId: agent.agentId, labels: new Set(agent.labels), slots: agent.freeSlots }));
  return {
    isFree: () => free.some((agent) => agent.slots > 0),
    take(labels: readonly string[]): AgentId | undefined {
      let best: (typeof free)[number] | undefined;
      for (const agent of free) {
        if (agent.slots === 0 || !labels.every((label) => agent.labels.has(label))) continue;
        if (best === undefined || isBetter(agent, best)) best = agent;
      }
      if (best === undefined) return undefined;
      best.slots -= 1;
      return best.agentId;
    },
  };

  function isBetter(a: (typeof free)[number], b: (typeof free)[number]): boolean {
    if (a.labels.size !== b.labels.size) return a.labels.size < b.labels.size;
    if (a.slots !== b.slots) return a.slots > b.slots;
    return a.agentId < b.agentId;
  }
}
