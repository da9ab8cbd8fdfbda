/** How long a job like this took, lately; any order. */
export type Durations = readonly number[];

export interface StartFacts {
  /** What the agents run now that could run these jobs. */
  readonly running: readonly { readonly elapsedMs: number; readonly durationsMs: Durations }[];
  readonly freeSlots: number;
  /** Those that wait for these agents, in the order in which they are granted. */
  readonly queue: readonly { readonly durationsMs: Durations }[];
  /** The same seed gives the same answer. */
  readonly seed: number;
}

/** From now on, ms. In 8 of 10 cases the job starts between `lowMs` and `highMs`. */
export interface StartEstimate {
  readonly lowMs: number;
  readonly medianMs: number;
  readonly highMs: number;
}

/** With fewer durations of a job nothing is said of it. */
export const DURATIONS_MIN = 5;
/** Further back in the queue nothing is said: errors add up. */
export const QUEUE_ESTIMATED_MAX = 500;
const LOW = 0.1;
const HIGH = 0.9;
/** Draws in all; how often the queue is played through follows from its length. */
const DRAWS_MAX = 60_000;
const PLAYS_MIN = 60;
const PLAYS_MAX = 400;
/** Durations never differ by less than this (of their logarithms): a job that took 10.0 s twice takes 10.3 s the third time. */
const SPREAD_MIN = 0.03;

/**
 * When each job of the queue starts, or a sentence that says why nobody can know. The queue is played through many times:
 * each job takes as long as one of its like took (give or take what few examples cannot tell), each slot that gets free
 * takes the next. What is seen in the plays is the interval.
 */
export function estimateStarts(facts: StartFacts): (StartEstimate | string)[] {
  const { running, freeSlots } = facts;
  if (running.length + freeSlots === 0) return facts.queue.map(() => "no agent that could run it is there");
  if (running.some(({ durationsMs }) => durationsMs.length < DURATIONS_MIN)) {
    return facts.queue.map(() => `too little is known of what runs now: ${DURATIONS_MIN} runs of each job are needed`);
  }
  const thinAt = facts.queue.findIndex(({ durationsMs }) => durationsMs.length < DURATIONS_MIN);
  // a job that is not known hides what comes after it, not its own start
  const knownCount = Math.min(thinAt === -1 ? facts.queue.length : thinAt + 1, QUEUE_ESTIMATED_MAX);
  const known = facts.queue.slice(0, knownCount);
  const starts = play({ ...facts, queue: known });
  return facts.queue.map((_, at) => {
    const seen = starts[at];
    if (seen !== undefined) return quantiles(seen);
    return at >= QUEUE_ESTIMATED_MAX
      ? `more than ${QUEUE_ESTIMATED_MAX} jobs are before it`
      : `too little is known of the jobs before it: ${DURATIONS_MIN} runs of each are needed`;
  });
}

/** By place in the queue: the starts seen, ms. */
function play({ running, freeSlots, queue, seed }: StartFacts): number[][] {
  const random = createRandom(seed);
  const plays = Math.min(PLAYS_MAX, Math.max(PLAYS_MIN, Math.floor(DRAWS_MAX / (running.length + queue.length + 1))));
  const kinds = new Map<Durations, JobKind>();
  const kindOf = (durationsMs: Durations): JobKind => {
    const known = kinds.get(durationsMs) ?? createKind(durationsMs, random);
    kinds.set(durationsMs, known);
    return known;
  };
  const left = running.map(({ durationsMs, elapsedMs }) => ({ kind: kindOf(durationsMs), elapsedMs }));
  const waiting = queue.map(({ durationsMs }) => kindOf(durationsMs));
  const starts = queue.map((): number[] => []);
  for (let no = 0; no < plays; no++) {
    for (const kind of kinds.values()) kind.beginPlay();
    const freeAt = [
      ...Array.from({ length: Math.min(freeSlots, queue.length) }, () => 0),
      ...left.map(({ kind, elapsedMs }) => kind.draw(elapsedMs) - elapsedMs),
    ].sort((one, other) => one - other);
    for (const [at, kind] of waiting.entries()) {
      const startMs = freeAt.shift() ?? 0;
      starts[at]?.push(startMs);
      insertSorted(freeAt, startMs + kind.draw(0));
    }
  }
  return starts;
}

function quantiles(seen: number[]): StartEstimate {
  const sorted = seen.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.round(share * (sorted.length - 1))] ?? 0);
  return { lowMs: at(LOW), medianMs: at(0.5), highMs: at(HIGH) };
}

const TRIES_MAX = 40;

/** Jobs with the same examples. */
interface JobKind {
  /** Another set of examples might have been seen: each play has its own, made of those that were. */
  beginPlay(): void;
  /** How long one of them takes that has taken so long already, ms. */
  draw(elapsedMs: number): number;
}

/** Around each example lies room for what was not seen yet, the more the fewer there are. */
function createKind(durationsMs: Durations, random: () => number): JobKind {
  const logs = durationsMs.map((ms) => Math.log(Math.max(1, ms)));
  const mean = logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length);
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / Math.max(1, logs.length - 1);
  const spread = Math.max(SPREAD_MIN, Math.sqrt(variance));
  const room = spread * 1.06 * Math.max(1, logs.length) ** -0.2;
  const pick = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? mean;
  let examples: number[] = logs;
  return {
    beginPlay() {
      examples = logs.map(() => pick(logs));
    },
    draw(elapsedMs) {
      for (let no = 0; no < TRIES_MAX; no++) {
        const ms = Math.exp(pick(examples) + room * normal(random));
        if (ms > elapsedMs) return ms;
      }
      // longer than any before: it may take as much longer as such jobs differ
      return elapsedMs * Math.exp(spread * Math.abs(normal(random)));
    },
  };
}

function insertSorted(sorted: number[], value: number): void {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, value);
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
