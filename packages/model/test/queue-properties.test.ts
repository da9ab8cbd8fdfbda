import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asAgentId,
  asJobId,
  asRepositoryId,
  type Candidate,
  type FreeAgent,
  matchOffers,
  NO_GRANTS,
  OLDEST_TURN_EVERY,
  plainShare,
  TOP_PRIORITY,
} from "../src/index.ts";
import { jainIndex, type SimulatedAgent, type SimulatedJob, simulateQueue, worstOverrun } from "./queue-simulation.ts";

const POOL = { name: "default", priority: 0, weight: 1, untrustedAllowed: true };
const CLASSES = [["linux"], ["linux", "arm"], ["linux", "gpu"], ["linux", "arm", "gpu"]];
const someLabels = fc.constantFrom(["linux"], ["arm"], ["gpu"], ["arm", "gpu"]);

/** Jobs in the order of their arrival, each so long after the one before. */
const arrivals = (options: { readonly count: number; readonly gapMsMax: number; readonly runsMsMax: number }) =>
  fc
    .array(
      fc.record({
        gapMs: fc.integer({ min: 0, max: options.gapMsMax }),
        runsMs: fc.integer({ min: 1, max: options.runsMsMax }),
        owner: fc.constantFrom("ann", "bob", "cy"),
        repository: fc.integer({ min: 0, max: 2 }),
        labels: someLabels,
        priority: fc.constantFrom(0, 0, 0, 1, 5, TOP_PRIORITY),
        preferredPool: fc.constantFrom(undefined, "default", "go", "node"),
      }),
      { minLength: Math.floor(options.count / 2), maxLength: options.count },
    )
    .map((list) => {
      let atMs = 0;
      return list.map(({ gapMs, owner, repository, preferredPool, ...rest }, no): SimulatedJob => {
        atMs += gapMs;
        const repositoryOf = repository + 10 * ["ann", "bob", "cy"].indexOf(owner);
        const preferred = preferredPool === undefined ? {} : { preferredPool };
        return { ...rest, ...preferred, id: no + 1, atMs, owner, repository: repositoryOf };
      });
    });

const fleet = (pools: readonly string[]) =>
  fc
    .array(
      fc.record({
        pool: fc.constantFrom(...pools),
        labels: fc.constantFrom(...CLASSES),
        slots: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((list) => list.map((agent, no): SimulatedAgent => ({ ...agent, id: `a${no}` })));

describe("the queue", () => {
  it("starves nobody: whatever arrives, a job waits for 16 grants at most for itself and each job before it", () => {
    const urgent = (job: SimulatedJob): SimulatedJob =>
      job.id % 9 === 0 ? { ...job, priority: 0, owner: "ann", repository: 0 } : { ...job, priority: TOP_PRIORITY };
    const property = fc.property(
      fleet(["default"]),
      arrivals({ count: 220, gapMsMax: 300, runsMsMax: 3_000 }),
      fc.boolean(),
      (agents, list, isUnkind) => {
        // unkind: what is not urgent is passed over by all that comes after it, for ever
        const jobs = isUnkind ? list.map(urgent) : list;
        const farm = { pools: [POOL], agents, jobs, untilMs: 10 * 60_000 };
        expect(worstOverrun(farm, simulateQueue(farm), OLDEST_TURN_EVERY)).toBeLessThanOrEqual(0);
      },
    );
    fc.assert(property, { numRuns: 12 });
  });

  it("starves nobody under a flood that never ends, of jobs that a person moved to the top", () => {
    const flood = Array.from({ length: 400 }, (_, no): SimulatedJob => {
      const base = { id: no + 2, atMs: 1 + no * 100, runsMs: 200, labels: ["linux"] };
      return { ...base, owner: `o${no % 3}`, repository: no % 5, priority: TOP_PRIORITY };
    });
    const poor = { id: 1, atMs: 0, runsMs: 100, owner: "ann", repository: 9, labels: ["linux"], priority: -50 };
    const busy = { ...poor, id: 999, owner: "o1", repository: 1 };
    const agents = [{ id: "a", pool: "default", labels: ["linux"], slots: 1 }];
    const { grants } = simulateQueue({ pools: [POOL], agents, jobs: [busy, poor, ...flood], untilMs: 30_000 });
    const order = grants.find((grant) => grant.job === poor)?.order ?? Number.POSITIVE_INFINITY;
    expect(order).toBeGreaterThan(5);
    expect(order).toBeLessThanOrEqual(OLDEST_TURN_EVERY * 2);
  });

  it("leaves no job beside a free agent that could run it for more than a second, in several pools with limits", () => {
    const pools = fc.tuple(
      ...["default", "go", "node"].map((name) =>
        fc.record({
          name: fc.constant(name),
          priority: fc.integer({ min: 0, max: 2 }),
          weight: fc.integer({ min: 1, max: 5 }),
          untrustedAllowed: fc.constant(true),
          jobsMax: fc.integer({ min: 1, max: 6 }),
        }),
      ),
    );
    const limits = fc.record({ 0: fc.integer({ min: 1, max: 3 }), 10: fc.integer({ min: 1, max: 3 }) });
    const property = fc.property(
      pools,
      fleet(["default", "go", "node"]),
      arrivals({ count: 80, gapMsMax: 700, runsMsMax: 6_000 }),
      limits,
      (somePools, agents, jobs, repositoryLimits) => {
        const answer = simulateQueue({ pools: somePools, agents, jobs, repositoryLimits, untilMs: 10 * 60_000 });
        expect(answer.broken).toEqual([]);
        expect(answer.besideMsMax).toBeLessThanOrEqual(1_000);
        const classes = agents.map((agent) => agent.labels);
        for (const { labels } of answer.left)
          expect(classes.some((has) => labels.every((label) => has.includes(label)))).toBe(false);
      },
    );
    fc.assert(property, { numRuns: 12 });
  });

  it.each([
    ["one slot", 1, 2, 1],
    ["one slot, and many owners", 1, 32, 1],
    ["a few slots", 4, 3, 5],
    ["many slots and owners", 24, 12, 3],
  ])(
    "is fair between equal owners, one of which floods it with old jobs of many repositories: %s",
    (_, slots, owners, repositories) => {
      const property = fc.property(fc.integer({ min: 1, max: 1_000 }), (seed) => {
        const random = createRandom(seed);
        const fromMs = 120_000;
        const windowGrants = owners * 20;
        const jobs: SimulatedJob[] = [];
        const runsMs = 200 * Math.max(1, slots / 2);
        const add = (owner: number, atMs: number) =>
          jobs.push({
            id: jobs.length + 1,
            atMs,
            runsMs: Math.ceil(runsMs * (0.5 + random())),
            owner: `o${owner}`,
            repository: owner * 100 + (owner === 0 ? Math.floor(random() * 5 * repositories) : 0),
            labels: ["linux"],
            priority: 0,
          });
        // the flood came long before, and has had the farm for itself
        for (let no = 0; no < 100 + windowGrants; no++) add(0, fromMs - 5_000 + no);
        for (let no = 0; no < 40 * (owners - 1); no++) add(1 + (no % (owners - 1)), fromMs);
        const agents = Array.from({ length: Math.ceil(slots / 2) }, (_, no) => ({
          ...{ id: `a${no}`, pool: "default", labels: ["linux"], slots: slots === 1 ? 1 : 2 },
        }));
        const { grants } = simulateQueue({
          pools: [POOL],
          agents,
          jobs,
          untilMs: fromMs + 60 * 60_000,
          grantsMax: 200 + owners * 25,
        });
        const counted = grants.filter((grant) => grant.atMs > fromMs).slice(0, owners * 20);
        const byOwner = Array.from(
          { length: owners },
          (_, owner) => counted.filter((grant) => grant.job.owner === `o${owner}`).length,
        );
        expect(jainIndex(byOwner)).toBeGreaterThanOrEqual(0.95);
      });
      fc.assert(property, { numRuns: owners > 10 ? 1 : 3 });
    },
  );

  it("gives owners, and the repositories of an owner, slots in proportion to their weights", () => {
    const property = fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (weights, slots) => {
        const jobs: SimulatedJob[] = [];
        const job = (owner: string, repository: number) => ({ owner, repository, labels: ["linux"], priority: 0 });
        for (let no = 0; no < 120 * slots; no++)
          for (const index of weights.keys()) {
            jobs.push({ id: jobs.length + 1, atMs: 0, runsMs: 200, ...job(`o${index}`, index) });
            jobs.push({ id: jobs.length + 1, atMs: 0, runsMs: 200, ...job("many", 100 + index) });
          }
        const weigh = (prefix: string, from: number) =>
          Object.fromEntries(weights.map((weight, index) => [`${prefix}${from + index}`, weight]));
        const farm = {
          pools: [POOL],
          agents: [{ id: "a", pool: "default", labels: ["linux"], slots }],
          jobs,
          untilMs: 20_000,
          ownerWeights: { ...weigh("o", 0), many: weights.reduce((sum, weight) => sum + weight, 0) },
          repositoryWeights: weigh("", 100),
        };
        const { grants } = simulateQueue(farm);
        const share = (test: (job: SimulatedJob) => boolean, weight: number) =>
          grants.filter((grant) => test(grant.job)).length / weight;
        expect(
          jainIndex(weights.map((weight, index) => share((one) => one.owner === `o${index}`, weight))),
        ).toBeGreaterThanOrEqual(0.95);
        expect(
          jainIndex(weights.map((weight, index) => share((one) => one.repository === 100 + index, weight))),
        ).toBeGreaterThanOrEqual(0.95);
      },
    );
    fc.assert(property, { numRuns: 4 });
  });
});

const candidates = fc
  .array(
    fc.record({
      owner: fc.constantFrom("ann", "bob"),
      repository: fc.integer({ min: 1, max: 4 }),
      labels: fc.constantFrom([], ["linux"], ["arm"], ["gpu"], ["linux", "gpu"]),
      priority: fc.constantFrom(0, 1, 2, TOP_PRIORITY),
      waitedMs: fc.integer({ min: 0, max: 300_000 }),
      preferredPool: fc.constantFrom(null, "default", "go"),
      trust: fc.constantFrom("trusted" as const, "untrusted" as const),
      siblings: fc.option(fc.record({ key: fc.constantFrom("m", "n"), left: fc.constant(2) }), { nil: undefined }),
    }),
    { maxLength: 40 },
  )
  .map((list) =>
    list.map(
      ({ siblings, repository, owner, ...rest }, no): Candidate => ({
        ...rest,
        owner,
        jobId: asJobId(no + 1),
        repositoryId: asRepositoryId(repository + (owner === "ann" ? 0 : 10)),
        ...(siblings !== undefined && { siblingLimit: siblings }),
      }),
    ),
  );
const agents = fc
  .array(fc.record({ labels: fc.subarray(["linux", "arm", "gpu"]), freeSlots: fc.integer({ min: 0, max: 4 }) }), {
    maxLength: 6,
  })
  .map((list) => list.map((agent, no): FreeAgent => ({ ...agent, agentId: asAgentId(`a${no}`) })));

describe("one pass", () => {
  it("uses no slot and no job twice, keeps to labels, trust and limits, leaves nothing that fits, and does not depend on the order it reads", () => {
    const property = fc.property(
      candidates,
      agents,
      fc.record({
        jobsLeft: fc.integer({ min: 0, max: 4 }),
        poolJobsLeft: fc.option(fc.integer({ min: 0, max: 9 })),
        untrustedAllowed: fc.boolean(),
        since: fc.integer({ min: 0, max: 20 }),
        warm: fc.subarray(["a0", "a1", "a2"]),
        hasOther: fc.boolean(),
      }),
      (list, farm, { jobsLeft, poolJobsLeft, untrustedAllowed, since, warm, hasOther }) => {
        const options = {
          pool: { ...POOL, untrustedAllowed },
          poolJobsLeft,
          otherPools: hasOther
            ? [{ ...POOL, name: "go", jobsLeft: null, rooms: [{ labels: ["linux"], freeSlots: 2 }] }]
            : [],
          shares: new Map([
            [asRepositoryId(1), { ...plainShare("ann"), jobsLeft, warmAgentIds: warm.map((id) => asAgentId(id)) }],
          ]),
          history: { ...NO_GRANTS, sinceOldest: new Map([["linux", since]]) },
          offersMax: 64,
        };
        const { matches, recheckMs } = matchOffers(list, farm, options);
        expect(new Set(matches.map((match) => match.jobId)).size).toBe(matches.length);
        if (poolJobsLeft !== null) expect(matches.length).toBeLessThanOrEqual(poolJobsLeft);
        expect(matches.filter((match) => match.repositoryId === 1).length).toBeLessThanOrEqual(jobsLeft);
        const left = new Map(farm.map((agent) => [agent.agentId, agent.freeSlots]));
        const siblings = new Map<string, number>();
        for (const { jobId, agentId } of matches) {
          const job = list.find((one) => one.jobId === jobId);
          const agent = farm.find((one) => one.agentId === agentId);
          left.set(agentId, (left.get(agentId) ?? 0) - 1);
          expect(left.get(agentId)).toBeGreaterThanOrEqual(0);
          expect(job?.labels.every((label) => agent?.labels.includes(label))).toBe(true);
          expect(job?.trust === "trusted" || untrustedAllowed).toBe(true);
          const key = job?.siblingLimit?.key;
          if (key !== undefined) siblings.set(key, (siblings.get(key) ?? 0) + 1);
        }
        for (const count of siblings.values()) expect(count).toBeLessThanOrEqual(2);
        const isFull = poolJobsLeft !== null && matches.length >= poolJobsLeft;
        for (const job of isFull || recheckMs !== null ? [] : list) {
          if (matches.some((match) => match.jobId === job.jobId)) continue;
          if (job.trust === "untrusted" && !untrustedAllowed) continue;
          if (job.siblingLimit !== undefined && siblings.get(job.siblingLimit.key) === 2) continue;
          if (job.repositoryId === 1 && matches.filter((match) => match.repositoryId === 1).length >= jobsLeft)
            continue;
          for (const { agentId, labels } of farm)
            if (job.labels.every((label) => labels.includes(label))) expect(left.get(agentId)).toBe(0);
        }
        expect(matchOffers([...list].reverse(), [...farm].reverse(), options)).toEqual({ matches, recheckMs });
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});

/** Numbers from 0 to 1, the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
