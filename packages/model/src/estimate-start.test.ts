import { describe, expect, it } from "vitest";
import { DURATIONS_MIN, estimateStarts, QUEUE_ESTIMATED_MAX, type StartFacts } from "./estimate-start.ts";

const minute = 60_000;
const steady = [58, 59, 60, 61, 62, 60].map((seconds) => seconds * 1_000);
const facts = (change: Partial<StartFacts>): StartFacts => ({
  running: [],
  freeSlots: 0,
  queue: [{ durationsMs: steady }],
  seed: 1,
  ...change,
});

describe("the estimated start", () => {
  it("is now when a slot is free, and after the first job that ends when none is", () => {
    expect(estimateStarts(facts({ freeSlots: 1 }))).toEqual([{ lowMs: 0, medianMs: 0, highMs: 0 }]);
    const running = [
      { elapsedMs: 10_000, durationsMs: steady },
      { elapsedMs: 40_000, durationsMs: steady },
    ];
    const [estimate] = estimateStarts(facts({ running }));
    expect(estimate).toMatchObject({ medianMs: expect.closeTo(20_000, -4) });
  });

  it("grows with the place in the queue", () => {
    const queue = Array.from({ length: 4 }, () => ({ durationsMs: steady }));
    const estimates = estimateStarts(facts({ freeSlots: 2, queue }));
    const medians = estimates.map((one) => (typeof one === "string" ? one : Math.round(one.medianMs / minute)));
    expect(medians).toEqual([0, 0, 1, 1]);
  });

  it("is more than the time gone by for a job that takes longer than any before", () => {
    const [estimate] = estimateStarts(facts({ running: [{ elapsedMs: 10 * minute, durationsMs: steady }] }));
    expect(estimate).toMatchObject({ lowMs: expect.any(Number) });
    if (typeof estimate !== "string") expect(estimate?.highMs).toBeGreaterThan(0);
  });

  it("is the same for the same facts", () => {
    const same = facts({ running: [{ elapsedMs: 1, durationsMs: steady }] });
    expect(estimateStarts(same)).toEqual(estimateStarts(same));
  });

  const thin = steady.slice(0, DURATIONS_MIN - 1);
  it.each([
    ["no agent is there", facts({}), ["no agent that could run it is there"]],
    [
      "what runs is not known",
      facts({ running: [{ elapsedMs: 1, durationsMs: thin }] }),
      ["too little is known of what runs now: 5 runs of each job are needed"],
    ],
    [
      "a job before it is not known",
      facts({ freeSlots: 1, queue: [{ durationsMs: thin }, { durationsMs: steady }] }),
      [{ lowMs: 0, medianMs: 0, highMs: 0 }, "too little is known of the jobs before it: 5 runs of each are needed"],
    ],
  ])("is not given when %s", (_, given, expected) => {
    expect(estimateStarts(given)).toEqual(expected);
  });

  it("is not given for the end of a long queue", () => {
    const queue = Array.from({ length: QUEUE_ESTIMATED_MAX + 1 }, () => ({ durationsMs: steady }));
    expect(estimateStarts(facts({ freeSlots: 50, queue })).at(-1)).toBe("more than 500 jobs are before it");
  });
});

/** A world of jobs whose durations the estimate knows only by examples; the seed decides everything. */
function createWorld(seed: number) {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return { random, pick: (count: number) => Math.floor(random() * count), normal };
}

type World = ReturnType<typeof createWorld>;
const KINDS: Record<string, (world: World) => () => number> = {
  "tight and loose ones": (world) => {
    const middle = 5_000 * 100 ** world.random();
    const spread = 0.05 + 0.6 * world.random();
    return () => middle * Math.exp(spread * world.normal());
  },
  "ones with and without a cache": (world) => {
    const middle = 60_000 * (1 + world.random());
    return () => (world.random() < 0.3 ? middle * 4 : middle) * Math.exp(0.1 * world.normal());
  },
};

describe.each(Object.entries(KINDS))("in a simulated farm of jobs that are %s", (_, makeKind) => {
  it.each([5, 20])("8 of 10 starts are within the interval, with %i known durations", (examples) => {
    let within = 0;
    let count = 0;
    for (let no = 1; no <= 300; no++) {
      const world = createWorld(no * 7_919);
      const kinds = Array.from({ length: 4 }, () => {
        const draw = makeKind(world);
        return { draw, durationsMs: Array.from({ length: examples }, draw) };
      });
      const kind = () => kinds[world.pick(kinds.length)] ?? { draw: () => 1, durationsMs: [] };
      const running = Array.from({ length: 1 + world.pick(6) }, () => {
        const { draw, durationsMs } = kind();
        const tookMs = draw();
        return { elapsedMs: tookMs * world.random(), tookMs, durationsMs };
      });
      const queue = Array.from({ length: 1 + world.pick(8) }, kind);
      const estimate = estimateStarts({ running, freeSlots: 0, queue, seed: no }).at(-1);
      if (typeof estimate !== "object") throw new Error(`no estimate: ${estimate}`);
      const startMs = startOfLast(
        running.map(({ tookMs, elapsedMs }) => tookMs - elapsedMs),
        queue.map(({ draw }) => draw()),
      );
      count += 1;
      if (startMs >= estimate.lowMs && startMs <= estimate.highMs) within += 1;
    }
    expect(within / count).toBeGreaterThanOrEqual(0.7);
    expect(within / count).toBeLessThanOrEqual(0.9);
  });
});

function startOfLast(freeAtMs: readonly number[], durationsMs: readonly number[]): number {
  const slots = [...freeAtMs];
  let startMs = 0;
  for (const durationMs of durationsMs) {
    const first = slots.indexOf(Math.min(...slots));
    startMs = slots[first] ?? 0;
    slots[first] = startMs + durationMs;
  }
  return startMs;
}
