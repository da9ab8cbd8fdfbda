/** What waits for, or has, one concurrency group of a repository: a run or a job. Names of groups count without case. */
export interface ConcurrencyEntry<Id extends string | number = number> {
  readonly id: Id;
  readonly state: "holding" | "pending";
  /** When it asked, in any unit that grows; equal ones are ordered by id. */
  readonly since: number;
}

export interface ConcurrencyNewcomer<Id extends string | number = number> {
  readonly id: Id;
  /** `single`: at most one waits, and a newer one takes its place. `max`: all wait, first come first served. */
  readonly queue: "single" | "max";
  readonly cancelInProgress: boolean;
}

/** So many wait in a queue that is `max`: more than anybody means to queue, fewer than would make a hand-over slow. */
export const CONCURRENCY_PENDING_MAX = 10_000;

export interface ConcurrencyDecision<Id extends string | number = number> {
  /** `refused`: the queue is full, and the newcomer ends cancelled without having run. */
  readonly newcomer: "holding" | "pending" | "refused";
  /** They waited and are replaced: they end cancelled without having run. */
  readonly cancelPending: readonly Id[];
  /** They run and are asked to end; the newcomer waits for that. */
  readonly cancelHolders: readonly Id[];
}

/** Two names are one group when they differ in case alone. */
export function concurrencyKey(group: string): string {
  return group.toLowerCase();
}

/**
 * What becomes of a run or job that asks for its group, given all entries of the group. It holds the group only when
 * nobody else holds it or waits for it. Asking again changes nothing.
 */
export function decideConcurrency<Id extends string | number>({
  entries,
  newcomer,
}: {
  readonly entries: readonly ConcurrencyEntry<Id>[];
  readonly newcomer: ConcurrencyNewcomer<Id>;
}): ConcurrencyDecision<Id> {
  const own = entries.find((entry) => entry.id === newcomer.id);
  if (own !== undefined) return { newcomer: own.state, cancelPending: [], cancelHolders: [] };
  const holders = entries.filter((entry) => entry.state === "holding").map((entry) => entry.id);
  const pending = entries.filter((entry) => entry.state === "pending").map((entry) => entry.id);
  const cancelPending = newcomer.queue === "single" || newcomer.cancelInProgress ? pending : [];
  const isFree = holders.length === 0 && pending.length === cancelPending.length;
  if (pending.length - cancelPending.length >= CONCURRENCY_PENDING_MAX) {
    return { newcomer: "refused", cancelPending: [], cancelHolders: [] };
  }
  return {
    newcomer: isFree ? "holding" : "pending",
    cancelPending,
    cancelHolders: newcomer.cancelInProgress ? holders : [],
  };
}

/** Who gets a group next: the one that waited longest, once nobody holds it; null when nobody may. */
export function decideRelease<Id extends string | number>(entries: readonly ConcurrencyEntry<Id>[]): Id | null {
  if (entries.some((entry) => entry.state === "holding")) return null;
  const [first] = [...entries].sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
  return first?.id ?? null;
}
