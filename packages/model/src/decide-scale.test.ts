import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideScale } from "./decide-scale.ts";
import { SCALING_POLICY_DEFAULT, type ScalingPolicy } from "./pool.ts";
import type { DemandedJob, ScaledAgent, ScaledAgentState, ScaleFacts } from "./scale-facts.ts";

const policyOf = (changes: Partial<ScalingPolicy>): ScalingPolicy => ({
  ...SCALING_POLICY_DEFAULT,
  max: 6,
  idleMs: 60_000,
  ...changes,
});
const factsOf = ({
  policy = {},
  ...changes
}: Partial<Omit<ScaleFacts, "policy">> & { policy?: Partial<ScalingPolicy> }): ScaleFacts => ({
  nowMs: Date.UTC(2026, 10, 23, 12, 0),
  policy: policyOf(policy),
  isPaused: false,
  hasProvider: true,
  agents: [],
  jobs: [],
  startMs: 5_000,
  slots: 1,
  providerError: null,
  failures: { count: 0, agoMs: 0 },
  ...changes,
});
let agentCount = 0;
const agent = (state: ScaledAgentState, changes: Partial<ScaledAgent> = {}): ScaledAgent => {
  const name = `python-${++agentCount}`;
  const leftMs = state === "busy" ? [60_000] : [];
  return { machineId: name, name, state, sinceMs: 0, slots: 1, leftMs, isEphemeral: false, ...changes };
};
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const queued = (count: number, changes: Partial<DemandedJob> = {}): DemandedJob[] =>
  times(count, () => ({ inMs: 0, waitedMs: 1_000, expectedMs: 60_000, ...changes }));

interface Case {
  readonly name: string;
  readonly facts: ScaleFacts;
  readonly expected: { readonly desired: number; readonly make: number; readonly end: number; readonly code: string };
}

const cases: Case[] = [
  {
    name: "nothing to do, nothing there",
    facts: factsOf({}),
    expected: { desired: 0, make: 0, end: 0, code: "enough" },
  },
  {
    name: "long jobs that wait, one agent each",
    facts: factsOf({ jobs: queued(3) }),
    expected: { desired: 3, make: 3, end: 0, code: "queue" },
  },
  {
    name: "more jobs than the maximum",
    facts: factsOf({ jobs: queued(200) }),
    expected: { desired: 6, make: 6, end: 0, code: "queue" },
  },
  {
    name: "short jobs share an agent as far as the target allows",
    facts: factsOf({ jobs: queued(20, { expectedMs: 500 }) }),
    expected: { desired: 2, make: 2, end: 0, code: "queue" },
  },
  {
    name: "a backlog that is too old asks for no more than half the target's worth",
    facts: factsOf({ jobs: queued(20, { expectedMs: 1_000, waitedMs: 60_000 }) }),
    expected: { desired: 4, make: 4, end: 0, code: "queue" },
  },
  {
    name: "a busy agent that is free in time is enough",
    facts: factsOf({ agents: [agent("busy", { leftMs: [2_000] })], jobs: queued(1) }),
    expected: { desired: 1, make: 0, end: 0, code: "enough" },
  },
  {
    name: "a busy agent that is not",
    facts: factsOf({ agents: [agent("busy")], jobs: queued(1) }),
    expected: { desired: 2, make: 1, end: 0, code: "queue" },
  },
  {
    name: "agents that are starting are room already",
    facts: factsOf({ agents: times(3, () => agent("starting")), jobs: queued(3) }),
    expected: { desired: 3, make: 0, end: 0, code: "starting" },
  },
  {
    name: "starting agents that nobody needs any more are not removed",
    facts: factsOf({ agents: times(3, () => agent("starting")) }),
    expected: { desired: 0, make: 0, end: 0, code: "starting" },
  },
  {
    name: "every slot of an agent is room",
    facts: factsOf({ agents: [agent("idle", { slots: 4 })], jobs: queued(4) }),
    expected: { desired: 1, make: 0, end: 0, code: "enough" },
  },
  {
    name: "a job about to be ready has its agent made before",
    facts: factsOf({ jobs: [{ inMs: 4_000, waitedMs: 0, expectedMs: 60_000 }], policy: { targetWaitMs: 0 } }),
    expected: { desired: 1, make: 1, end: 0, code: "needs" },
  },
  {
    name: "one that is far off has not",
    facts: factsOf({ jobs: [{ inMs: 60_000, waitedMs: 0, expectedMs: 60_000 }], policy: { targetWaitMs: 0 } }),
    expected: { desired: 0, make: 0, end: 0, code: "enough" },
  },
  {
    name: "the minimum",
    facts: factsOf({ policy: { min: 2 }, agents: [agent("idle")] }),
    expected: { desired: 2, make: 1, end: 0, code: "min" },
  },
  {
    name: "warm agents beside those that work",
    facts: factsOf({ policy: { warmMin: 2 }, agents: [agent("busy"), agent("idle")] }),
    expected: { desired: 3, make: 1, end: 0, code: "warm" },
  },
  {
    name: "an agent that has been idle for long enough",
    facts: factsOf({ agents: [agent("idle", { sinceMs: 61_000 }), agent("busy")] }),
    expected: { desired: 1, make: 0, end: 1, code: "idle" },
  },
  {
    name: "one that has not",
    facts: factsOf({ agents: [agent("idle", { sinceMs: 59_000 })] }),
    expected: { desired: 0, make: 0, end: 0, code: "cooling" },
  },
  {
    name: "an idle agent that joined by hand is counted and left alone",
    facts: factsOf({ agents: [agent("idle", { sinceMs: 1e9, machineId: null })] }),
    expected: { desired: 0, make: 0, end: 0, code: "cooling" },
  },
  {
    name: "a maximum that was lowered takes idle agents at once, and busy ones never",
    facts: factsOf({ policy: { max: 1 }, agents: [agent("busy"), agent("busy"), agent("idle")] }),
    expected: { desired: 1, make: 0, end: 1, code: "over_max" },
  },
  {
    name: "agents that end count towards the maximum until they are gone",
    facts: factsOf({ policy: { max: 2 }, agents: [agent("ending"), agent("ending")], jobs: queued(2) }),
    expected: { desired: 2, make: 0, end: 0, code: "at_max" },
  },
  {
    name: "agents whose end takes long keep nobody waiting",
    facts: factsOf({
      policy: { max: 2 },
      agents: times(2, () => agent("ending", { sinceMs: 30_000 })),
      jobs: queued(2),
    }),
    expected: { desired: 2, make: 2, end: 0, code: "queue" },
  },
  {
    name: "but machines that never end do not become more and more",
    facts: factsOf({
      policy: { max: 2 },
      agents: times(4, () => agent("ending", { sinceMs: 30_000 })),
      jobs: queued(2),
    }),
    expected: { desired: 2, make: 0, end: 0, code: "at_max" },
  },
  {
    name: "what ends already makes the others no more than the maximum",
    facts: factsOf({ policy: { max: 2 }, agents: [agent("ending"), agent("idle"), agent("idle")] }),
    expected: { desired: 0, make: 0, end: 0, code: "cooling" },
  },
  {
    name: "one that will not answer again is replaced in the same moment",
    facts: factsOf({ policy: { max: 1 }, agents: [agent("gone")], jobs: queued(1) }),
    expected: { desired: 1, make: 1, end: 1, code: "queue" },
  },
  {
    name: "machines that fail are not asked for again and again",
    facts: factsOf({ jobs: queued(1), failures: { count: 3, agoMs: 1_000 } }),
    expected: { desired: 1, make: 0, end: 0, code: "backoff" },
  },
  {
    name: "and are after a while",
    facts: factsOf({ jobs: queued(1), failures: { count: 3, agoMs: 8_000 } }),
    expected: { desired: 1, make: 1, end: 0, code: "queue" },
  },
  {
    name: "agents that the provider cannot make are not asked for twice, and it is said why they do not come",
    facts: factsOf({ agents: times(3, () => agent("starting")), jobs: queued(3), providerError: "no space left" }),
    expected: { desired: 3, make: 0, end: 0, code: "provider_failed" },
  },
  {
    name: "a paused pool makes nothing",
    facts: factsOf({ isPaused: true, jobs: queued(5), policy: { min: 1 } }),
    expected: { desired: 1, make: 0, end: 0, code: "paused" },
  },
  {
    name: "a pool without a provider makes nothing, and says so",
    facts: factsOf({ hasProvider: false, jobs: queued(1) }),
    expected: { desired: 1, make: 0, end: 0, code: "no_provider" },
  },
  {
    name: "agents for one job each: every queued job wants its own",
    facts: factsOf({ policy: { isEphemeral: true }, jobs: queued(4, { expectedMs: 10 }) }),
    expected: { desired: 4, make: 4, end: 0, code: "queue" },
  },
  {
    name: "one of those that had its job goes",
    facts: factsOf({ policy: { isEphemeral: true }, agents: [agent("spent", { isEphemeral: true })] }),
    expected: { desired: 0, make: 0, end: 1, code: "spent" },
  },
  {
    name: "a window of working hours in its own time zone",
    facts: factsOf({
      policy: { windows: [{ days: [1, 2, 3, 4, 5], from: "08:00", to: "18:00", timezone: "Europe/Berlin", min: 2 }] },
    }),
    expected: { desired: 2, make: 2, end: 0, code: "min" },
  },
  {
    name: "outside of the window the policy's own bounds",
    facts: factsOf({
      nowMs: Date.UTC(2026, 10, 23, 17, 1),
      policy: { windows: [{ days: [1, 2, 3, 4, 5], from: "08:00", to: "18:00", timezone: "Europe/Berlin", min: 2 }] },
    }),
    expected: { desired: 0, make: 0, end: 0, code: "enough" },
  },
  {
    name: "a window over midnight belongs to the day it starts on",
    facts: factsOf({
      nowMs: Date.UTC(2026, 10, 24, 3, 0),
      policy: { windows: [{ days: [1], from: "22:00", to: "06:00", timezone: "UTC", max: 1 }] },
      jobs: queued(3),
    }),
    expected: { desired: 1, make: 1, end: 0, code: "queue" },
  },
];

describe("cases", () => {
  it.each(cases)("$name", ({ facts, expected }) => {
    const { desired, make, end, code, reason } = decideScale(facts);
    expect({ desired, make, end: end.length, code }, reason).toEqual(expected);
  });
});

describe("for every state of a pool", () => {
  const job = fc.record({
    inMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30_000 })),
    waitedMs: fc.integer({ min: 0, max: 120_000 }),
    expectedMs: fc.integer({ min: 1, max: 120_000 }),
  });
  const anyAgent = fc
    .record({
      state: fc.constantFrom<ScaledAgentState>(
        "starting",
        "idle",
        "busy",
        "draining",
        "silent",
        "spent",
        "ending",
        "gone",
      ),
      sinceMs: fc.integer({ min: 0, max: 200_000 }),
      slots: fc.integer({ min: 1, max: 3 }),
      isManaged: fc.boolean(),
      isEphemeral: fc.boolean(),
      left: fc.integer({ min: 0, max: 100_000 }),
    })
    .map(({ isManaged, left, ...rest }) =>
      agent(rest.state, {
        ...rest,
        leftMs: rest.state === "busy" ? [left] : [],
        ...(isManaged ? {} : { machineId: null }),
      }),
    );
  const anyFacts = fc
    .record({
      jobs: fc.array(job, { maxLength: 30 }),
      agents: fc.array(anyAgent, { maxLength: 12 }),
      min: fc.integer({ min: 0, max: 4 }),
      more: fc.integer({ min: 0, max: 8 }),
      warmMin: fc.integer({ min: 0, max: 3 }),
      isEphemeral: fc.boolean(),
      isPaused: fc.boolean(),
      startMs: fc.integer({ min: 0, max: 60_000 }),
      slots: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ min, more, warmMin, isEphemeral, ...rest }) =>
      factsOf({ ...rest, policy: { min, max: min + more, warmMin: Math.min(warmMin, min + more), isEphemeral } }),
    );

  it("the pool stays within its bounds", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { desired, make } = decideScale(facts);
        const isEnding = ({ state }: ScaledAgent) => state === "ending" || state === "gone";
        const taken = facts.agents.filter((one) => !isEnding(one)).length;
        expect(desired).toBeGreaterThanOrEqual(facts.policy.min);
        expect(desired).toBeLessThanOrEqual(facts.policy.max);
        expect(make === 0 || taken + make <= facts.policy.max).toBe(true);
        expect(make === 0 || facts.agents.length + make <= 2 * facts.policy.max).toBe(true);
      }),
    );
  });

  it("no busy or starting agent is ended, nor one that joined by hand, and the minimum stays", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { end, desired } = decideScale(facts);
        const byId = new Map(facts.agents.map((one) => [one.machineId, one]));
        const states = end.map(({ machineId }) => byId.get(machineId)?.state);
        for (const state of states) expect(["idle", "spent", "gone"]).toContain(state);
        const room = facts.agents.filter(({ state }) => ["starting", "idle", "busy"].includes(state)).length;
        const idleEnded = states.filter((state) => state === "idle").length;
        if (idleEnded > 0) expect(room - idleEnded).toBeGreaterThanOrEqual(desired);
      }),
    );
  });

  it("more demand never leads to fewer agents", () => {
    fc.assert(
      fc.property(anyFacts, job, (facts, more) => {
        const before = decideScale(facts).desired;
        expect(decideScale({ ...facts, jobs: [...facts.jobs, more] }).desired).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it("it is explained, and the same facts lead to the same decision", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const decision = decideScale(facts);
        expect(decision.reason).toMatch(/\S/);
        expect(decision.reason).not.toMatch(/NaN|undefined|Infinity/);
        expect(decideScale(facts)).toEqual(decision);
      }),
    );
  });

  it("without demand what is idle goes, down to the minimum or the warm ones", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 6 }),
        (min, warmMin, idleCount) => {
          const agents = times(idleCount, () => agent("idle", { sinceMs: 100_000 }));
          const { end, make } = decideScale(factsOf({ policy: { min, warmMin, max: 6 }, agents }));
          expect(idleCount - end.length + make).toBe(Math.max(min, warmMin));
        },
      ),
    );
  });
});
