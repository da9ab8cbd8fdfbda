import type { RepositoryId } from "./ids.ts";
import type { RepositoryShare } from "./queue-facts.ts";

/**
 * What the dispatcher of one pool remembers of its grants, for the fair share. It is a memory and no truth: a new
 * dispatcher begins with an empty one, and is fair from there on.
 */
export interface GrantHistory {
  readonly atMs: number;
  readonly owners: Usage<string>;
  readonly repositories: Usage<RepositoryId>;
  /**
   * By what jobs ask for: grants to agents that could run them since one of these went to who had waited longest. Not by
   * what agents have: each has its host's name, too, and one that takes a single job never has a second grant to count.
   */
  readonly sinceOldest: ReadonlyMap<string, number>;
}

/** Recent grants by who got them, each counting less as it gets older, and who had jobs waiting at the last look. */
export interface Usage<Key> {
  readonly grants: ReadonlyMap<Key, number>;
  readonly waiting: ReadonlySet<Key>;
}

export interface RecordedGrant {
  readonly owner: string;
  readonly repositoryId: RepositoryId;
  /** What the waiting jobs that the agent could run ask for, as `labelsKey` writes it. */
  readonly fittingLabels: readonly string[];
  /** It went to who had waited longest, by turn. */
  readonly isOldestTurn: boolean;
}

/** A grant counts half after this long. */
export const GRANT_HALF_LIFE_MS = 5 * 60_000;
/** Who comes back is ahead of those that wait by at most this many grants (of weight 1), however long it was away. */
export const CREDIT_GRANTS_MAX = 1;
/** And behind them by at most this many, however much it took while nobody else wanted it. */
export const DEBT_GRANTS_MAX = 32;
const FORGOTTEN_GRANTS = 0.01;
const REMEMBERED_MAX = 10_000;

export const NO_GRANTS: GrantHistory = {
  atMs: 0,
  owners: { grants: new Map(), waiting: new Set() },
  repositories: { grants: new Map(), waiting: new Set() },
  sinceOldest: new Map(),
};

/** One name for the same labels. */
export const labelsKey = (labels: readonly string[]): string => [...labels].sort().join("\n");

/** The history as it counts now, with those that wait now placed among each other. */
export function ageGrants(
  history: GrantHistory,
  now: { readonly atMs: number; readonly shares: ReadonlyMap<RepositoryId, RepositoryShare> },
): GrantHistory {
  const kept = 0.5 ** (Math.max(0, now.atMs - history.atMs) / GRANT_HALF_LIFE_MS);
  const owners = new Map<string, number>();
  const repositories = new Map<RepositoryId, number>();
  const byOwner = new Map<string, Map<RepositoryId, number>>();
  for (const [id, share] of now.shares) {
    owners.set(share.owner, share.ownerWeight);
    repositories.set(id, share.weight);
    const own = byOwner.get(share.owner) ?? new Map<RepositoryId, number>();
    byOwner.set(share.owner, own.set(id, share.weight));
  }
  // repositories are compared with those of the same owner only
  const grants = fade(history.repositories.grants, kept, repositories);
  for (const own of byOwner.values()) placeNewcomers(grants, history.repositories.waiting, own);
  const ownerGrants = fade(history.owners.grants, kept, owners);
  placeNewcomers(ownerGrants, history.owners.waiting, owners);
  return {
    atMs: now.atMs,
    owners: { grants: ownerGrants, waiting: new Set(owners.keys()) },
    repositories: { grants, waiting: new Set(repositories.keys()) },
    sinceOldest: history.sinceOldest,
  };
}

/** The history after these grants. */
export function recordGrants(history: GrantHistory, granted: readonly RecordedGrant[]): GrantHistory {
  const owners = new Map(history.owners.grants);
  const repositories = new Map(history.repositories.grants);
  const sinceOldest = new Map(history.sinceOldest);
  for (const { owner, repositoryId, fittingLabels, isOldestTurn } of granted) {
    owners.set(owner, (owners.get(owner) ?? 0) + 1);
    repositories.set(repositoryId, (repositories.get(repositoryId) ?? 0) + 1);
    for (const labels of fittingLabels) {
      const count = isOldestTurn ? 0 : (sinceOldest.get(labels) ?? 0) + 1;
      // to the end: what is counted no more is forgotten first
      sinceOldest.delete(labels);
      sinceOldest.set(labels, count);
    }
  }
  for (const labels of sinceOldest.keys()) {
    if (sinceOldest.size <= REMEMBERED_MAX) break;
    sinceOldest.delete(labels);
  }
  return {
    ...history,
    owners: { ...history.owners, grants: owners },
    repositories: { ...history.repositories, grants: repositories },
    sinceOldest,
  };
}

function fade<Key>(
  grants: ReadonlyMap<Key, number>,
  kept: number,
  waiting: ReadonlyMap<Key, number>,
): Map<Key, number> {
  const faded = new Map<Key, number>();
  for (const [key, count] of grants) {
    const now = count * kept;
    if (waiting.has(key) || (now > FORGOTTEN_GRANTS && faded.size < REMEMBERED_MAX)) faded.set(key, now);
  }
  return faded;
}

/**
 * Who did not wait at the last look begins beside those that did: a fair share is about those that want something at
 * the same time, so that nobody saves up turns, or pays for long for what nobody else wanted.
 */
function placeNewcomers<Key>(grants: Map<Key, number>, before: ReadonlySet<Key>, now: ReadonlyMap<Key, number>): void {
  const shareOf = ([key, weight]: readonly [Key, number]) => (grants.get(key) ?? 0) / weight;
  const waiting = [...now];
  const stayed = waiting.filter(([key]) => before.has(key));
  const floor = Math.min(...(stayed.length > 0 ? stayed : waiting).map(shareOf));
  for (const entry of waiting) {
    const [key, weight] = entry;
    if (before.has(key)) continue;
    const share = Math.min(Math.max(shareOf(entry), floor - CREDIT_GRANTS_MAX), floor + DEBT_GRANTS_MAX);
    grants.set(key, Math.max(0, share * weight));
  }
}
