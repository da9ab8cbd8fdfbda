import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideWaitReason } from "./decide-wait-reason.ts";
import type { AgentGroup, Fleet, FleetPool, PoolScaling, WaitingJob } from "./wait-facts.ts";
import { WAIT_CODES, type WaitCode } from "./wait-reason.ts";

const job = (change: Partial<WaitingJob> = {}): WaitingJob => ({
  state: "queued",
  isCall: false,
  key: "test",
  workflowPath: ".windrow/workflows/ci.yml",
  repository: "me/app",
  labels: ["linux"],
  trust: "trusted",
  isCancelRequested: false,
  runWaitsFor: null,
  group: null,
  heldReason: null,
  needsOpenCount: 0,
  needsOpen: [],
  siblings: null,
  retry: null,
  repositoryJobs: { max: null, openCount: 0 },
  offeredTo: null,
  ...change,
});
const pool = (change: Partial<FleetPool> = {}): FleetPool => ({
  name: "default",
  labels: ["pool:default"],
  paused: null,
  untrustedAllowed: false,
  jobsMax: null,
  jobsOpenCount: 0,
  scaling: null,
  ...change,
});
const scaling = (change: Partial<PoolScaling> = {}): PoolScaling => ({
  agentsMax: 4,
  labelSets: [["linux", "pool:default"]],
  machinesCount: 0,
  comingCount: 0,
  comingForMs: 0,
  failure: null,
  ...change,
});
const group = (change: Partial<AgentGroup> = {}): AgentGroup => ({
  pool: "default",
  labels: ["linux", "pool:default"],
  readyCount: 1,
  drainingCount: 0,
  offlineCount: 0,
  slots: 1,
  freeSlots: 0,
  draining: null,
  offline: null,
  ...change,
});
const fleet = (agentGroups: AgentGroup[] = [group()], pools: FleetPool[] = [pool()]): Fleet => ({ pools, agentGroups });
const holder = { runId: 120, jobName: null };
const away = { readyCount: 0, slots: 0, freeSlots: 0 };

/** What holds, the job, the farm, the one code, what its sentence says, what unblocks it. */
const CASES: [string, WaitingJob, Fleet, WaitCode, string, string, isStuck?: boolean][] = [
  ["a cancel", job({ state: "leased", isCancelRequested: true }), fleet(), "cancelling", "it was cancelled", "nothing"],
  [
    "an offer",
    job({ state: "leased", offeredTo: "a-1" }),
    fleet(),
    "starting",
    "it was offered to a-1, which",
    "moment",
  ],
  [
    "a run that is to be approved",
    job({ state: "blocked", runWaitsFor: "the approval of somebody who may push" }),
    fleet(),
    "approval",
    "its run waits for the approval of somebody who may push",
    "approve",
    true,
  ],
  [
    "a run in a concurrency group",
    job({ state: "blocked", runWaitsFor: "its group", group: { name: "deploy", holder, aheadCount: 2 } }),
    fleet(),
    "concurrency_group",
    "its run waits for the concurrency group 'deploy', held by run #120, and 2 others asked before",
    "windrow run cancel 120",
  ],
  [
    "needs",
    job({
      state: "blocked",
      needsOpenCount: 2,
      needsOpen: [
        { name: "build", isRunning: true },
        { name: "lint", isRunning: false },
      ],
    }),
    fleet(),
    "waiting_needs",
    "it needs 2 jobs that have not ended: 'build', 'lint' (1 of them running)",
    "'build', 'lint' have to end",
  ],
  [
    "one need",
    job({ state: "blocked", needsOpenCount: 1, needsOpen: [{ name: "build", isRunning: false }] }),
    fleet(),
    "waiting_needs",
    "it needs 'build', which has not started",
    "'build' has to end",
  ],
  [
    "its own concurrency group",
    job({
      state: "blocked",
      heldReason: "x",
      group: { name: "db", holder: { runId: 7, jobName: "seed" }, aheadCount: 0 },
    }),
    fleet(),
    "concurrency_group",
    "it waits for the concurrency group 'db', held by job 'seed' of run #7",
    "run cancel 7",
  ],
  [
    "a group that nobody has for a moment",
    job({ state: "blocked", heldReason: "x", group: { name: "db", holder: null, aheadCount: 0 } }),
    fleet(),
    "concurrency_group",
    "about to be given",
    "nothing",
  ],
  [
    "a hold",
    job({ heldReason: "the review of production" }),
    fleet(),
    "approval",
    "it waits for the review",
    "approve",
    true,
  ],
  ["nothing outside of the queue", job({ state: "blocked" }), fleet(), "starting", "about to be queued", "nothing"],
  [
    "a call among its matrix",
    job({ state: "blocked", isCall: true, siblings: { max: 1, openCount: 1 } }),
    fleet(),
    "max_parallel",
    "1 of at most 1 job of its matrix run",
    "max-parallel",
  ],
  [
    "a label that nobody has",
    job({ labels: ["gpu", "linux"], key: "train" }),
    fleet([group({ readyCount: 10, offlineCount: 2 })]),
    "no_capacity_ever",
    "no agent has the label gpu: 0 of 12",
    "join an agent with it, or change runs-on of job 'train' in .windrow/workflows/ci.yml",
    true,
  ],
  [
    "a label with a slip of the finger",
    job({ labels: ["linus"] }),
    fleet(),
    "no_capacity_ever",
    "no agent has the label linus: 0 of 1; did you mean linux instead of linus?",
    "change runs-on",
    true,
  ],
  [
    "labels that no agent has together",
    job({ labels: ["arm64", "gpu"] }),
    fleet([group({ labels: ["gpu"] }), group({ labels: ["arm64"] })]),
    "no_capacity_ever",
    "no agent has all of the labels arm64 and gpu at once: 0 of 2",
    "join an agent that has them all",
    true,
  ],
  [
    "a pool without agents that would have the label",
    job({ labels: ["rust"] }),
    fleet([group()], [pool(), pool({ name: "rust", labels: ["linux", "pool:rust", "rust"] })]),
    "no_capacity_ever",
    "no agent has the label rust: 0 of 1; those of the pool rust would, but it has none",
    "windrow token create --join --pool rust",
    true,
  ],
  [
    "a slip of the finger in a label that only a pool knows",
    job({ labels: ["rusd"] }),
    fleet([group()], [pool(), pool({ name: "rust", labels: ["linux", "pool:rust", "rust"] })]),
    "no_capacity_ever",
    "did you mean rust instead of rusd?",
    "change runs-on",
    true,
  ],
  [
    "a label that pools without agents have, and no one of them is meant",
    job(),
    fleet([], [pool({ labels: ["linux"] }), pool({ name: "go", labels: ["go", "linux"] })]),
    "no_capacity_ever",
    "no agent has the label linux: the farm has no agent yet",
    "join an agent with it, or change",
    true,
  ],
  ["no agent at all", job(), fleet([]), "no_capacity_ever", "the farm has no agent yet", "join an agent", true],
  [
    "work that no pool takes",
    job({ trust: "untrusted" }),
    fleet([group({ freeSlots: 1 })]),
    "no_capacity_ever",
    "its run is not trusted, and no pool with the label linux takes such work",
    "--untrusted",
    true,
  ],
  [
    "a paused pool, though an agent is free",
    job(),
    fleet([group({ freeSlots: 1 })], [pool({ paused: { by: "ada", reason: "new disks" } })]),
    "pool_paused",
    "the pool default was paused by ada: new disks",
    "windrow queue resume --pool default",
    true,
  ],
  [
    "its matrix",
    job({ siblings: { max: 2, openCount: 2 } }),
    fleet(),
    "max_parallel",
    "2 of at most 2 jobs of its matrix run",
    "max-parallel",
  ],
  ["the next try", job({ retry: { no: 2, inMs: 13_400 } }), fleet(), "backoff", "try 2 follows in 14 s", "by itself"],
  [
    "the limit of its repository",
    job({ repositoryJobs: { max: 3, openCount: 3 } }),
    fleet(),
    "quota",
    "3 of at most 3 jobs of me/app run",
    "windrow repo set me/app --jobs-max 4",
  ],
  [
    "the limit of its pool",
    job(),
    fleet([group({ freeSlots: 1 })], [pool({ jobsMax: 5, jobsOpenCount: 5 })]),
    "quota",
    "5 of at most 5 jobs of the pool default run",
    "windrow pool set default --jobs-max 6",
  ],
  [
    "the limit of a pool without agents",
    job(),
    fleet([], [pool({ jobsMax: 1, jobsOpenCount: 1, scaling: scaling() })]),
    "quota",
    "1 of at most 1 job of the pool default run",
    "limit",
  ],
  ["nothing: an agent is free", job(), fleet([group({ freeSlots: 1 })]), "starting", "an agent is free", "nothing"],
  [
    "agents that are being made",
    job(),
    fleet([group()], [pool({ scaling: scaling({ machinesCount: 3, comingCount: 2, comingForMs: 19_100 }) })]),
    "scaling_up",
    "2 agents are being made for pool default, since 20 s",
    "nothing",
  ],
  [
    "a provider that fails",
    job(),
    fleet([], [pool({ scaling: scaling({ failure: { error: "no such image", retryInMs: 8_000 } }) })]),
    "provider_failed",
    "no agent could be made for the pool default: no such image; tried again in 8 s",
    "windrow pool view default",
  ],
  [
    "busy agents",
    job(),
    fleet([group({ pool: "node", readyCount: 2, slots: 8 }), group({ slots: 1 })], [pool(), pool({ name: "node" })]),
    "all_busy",
    "all 9 slots of the 3 agents that could run it are busy (pools node and default)",
    "join another agent",
  ],
  ["the one busy agent", job(), fleet(), "all_busy", "the one agent that could run it is busy (pool default)", "end"],
  [
    "a pool that has no agent yet",
    job(),
    fleet([], [pool({ scaling: scaling() })]),
    "no_agent_matches",
    "no agent has the label linux now; the pool default makes one when it is its turn (0 of at most 4)",
    "nothing",
  ],
  [
    "a pool scaled to 0",
    job(),
    fleet([], [pool({ scaling: scaling({ agentsMax: 0 }) })]),
    "no_agent_matches",
    "no agent has the label linux, and the pool default is scaled to 0",
    "windrow pool scale default --max 1",
    true,
  ],
  [
    "a drained agent",
    job(),
    fleet([group({ ...away, drainingCount: 1, offlineCount: 1, draining: { name: "a-1", reason: "new kernel" } })]),
    "agent_draining",
    "the one agent with the label linux, a-1, takes nothing new: new kernel, and 1 other is not connected",
    "windrow agent resume a-1",
    true,
  ],
  [
    "agents that are away",
    job(),
    fleet([group({ ...away, offlineCount: 3, offline: { name: "a-1", seenAgoMs: 300_000 } })]),
    "agents_offline",
    "none of the 3 agents with the label linux is connected (a-1 was seen 5 min ago)",
    "windrow agent run",
  ],
];

describe("why a job waits", () => {
  it.each(CASES)("is %s", (_, waiting, farm, code, sentence, unblock, isStuck = false) => {
    const reason = decideWaitReason(waiting, farm);
    expect(reason).toMatchObject({ code, isStuck });
    expect(reason.sentence).toContain(sentence);
    expect(reason.unblock).toContain(unblock);
  });

  it("has a case here for every code", () => {
    expect([...new Set(CASES.map(([, , , code]) => code))].sort()).toEqual([...WAIT_CODES].sort());
  });
});

const flag = fc.boolean();
const count = fc.nat({ max: 3 });
const labelSet = fc.subarray(["linux", "gpu", "node"]);
const maybe = <T>(value: T) => fc.constantFrom(null, value);
const anyJob: fc.Arbitrary<WaitingJob> = fc.record({
  state: fc.constantFrom("blocked", "queued", "leased"),
  isCall: flag,
  key: fc.constant("test"),
  workflowPath: fc.constant("ci.yml"),
  repository: fc.constant("me/app"),
  labels: fc.subarray(["linux", "gpu", "rust"], { minLength: 1 }),
  trust: fc.constantFrom("trusted", "untrusted"),
  isCancelRequested: flag,
  runWaitsFor: maybe("a person"),
  group: fc.oneof(fc.constant(null), fc.record({ name: fc.constant("g"), holder: maybe(holder), aheadCount: count })),
  heldReason: maybe("it is held"),
  needsOpenCount: count,
  needsOpen: fc.constant([{ name: "build", isRunning: true }]),
  siblings: fc.oneof(fc.constant(null), fc.record({ max: fc.integer({ min: 1, max: 3 }), openCount: count })),
  retry: maybe({ no: 2, inMs: 5 }),
  repositoryJobs: fc.record({ max: fc.constantFrom(null, 1, 2), openCount: count }),
  offeredTo: maybe("a-1"),
});
const anyPool = (name: string): fc.Arbitrary<FleetPool> =>
  fc.record({
    name: fc.constant(name),
    labels: labelSet,
    paused: maybe({ by: "ada", reason: null }),
    untrustedAllowed: flag,
    jobsMax: fc.constantFrom(null, 1, 2),
    jobsOpenCount: count,
    scaling: fc.oneof(
      fc.constant(null),
      fc.record({
        agentsMax: count,
        labelSets: fc.array(labelSet, { minLength: 1, maxLength: 2 }),
        machinesCount: count,
        comingCount: count,
        comingForMs: count,
        failure: maybe({ error: "broken", retryInMs: 1 }),
      }),
    ),
  });
const anyGroup: fc.Arbitrary<AgentGroup> = fc.record({
  pool: fc.constantFrom("a", "b"),
  labels: labelSet,
  readyCount: count,
  drainingCount: count,
  offlineCount: count,
  slots: count,
  freeSlots: count,
  draining: maybe({ name: "a-1", reason: "why" }),
  offline: maybe({ name: "a-2", seenAgoMs: null }),
});
const anyFleet: fc.Arbitrary<Fleet> = fc.record({
  pools: fc.tuple(anyPool("a"), anyPool("b")),
  agentGroups: fc.array(anyGroup, { maxLength: 4 }),
});

/** The documented order, told apart from the code: the first that holds is the one. */
function expectedCode(waiting: WaitingJob, { pools, agentGroups }: Fleet): WaitCode {
  const has = (labels: readonly string[]) => waiting.labels.every((label) => labels.includes(label));
  const allowed = pools.filter((one) => waiting.trust === "trusted" || one.untrustedAllowed);
  const could = allowed.flatMap((one) => ({
    one,
    groups: agentGroups.filter((two) => two.pool === one.name && has(two.labels)),
    grows: one.scaling?.labelSets.some(has) === true,
  }));
  const able = could.filter(({ groups, grows }) => groups.length > 0 || grows);
  const open = able.filter(({ one }) => one.paused === null);
  const isFull = ({ jobsMax, jobsOpenCount }: FleetPool) => jobsMax !== null && jobsOpenCount >= jobsMax;
  const atWork = open.filter(({ groups, grows }) => grows || groups.some((two) => two.readyCount > 0));
  const growing = open.filter(({ one, grows }) => grows && !isFull(one)).flatMap(({ one }) => one.scaling ?? []);
  const sum = (key: "readyCount" | "drainingCount" | "offlineCount") =>
    open.reduce((total, { groups }) => total + groups.reduce((all, two) => all + two[key], 0), 0);
  const inOrder: [boolean, WaitCode][] = [
    [waiting.isCancelRequested, "cancelling"],
    [waiting.state === "leased", "starting"],
    [waiting.runWaitsFor !== null, waiting.group === null ? "approval" : "concurrency_group"],
    [waiting.needsOpenCount > 0, "waiting_needs"],
    [waiting.group !== null, "concurrency_group"],
    [waiting.heldReason !== null, "approval"],
    [
      waiting.state === "blocked" &&
        waiting.isCall &&
        waiting.siblings !== null &&
        waiting.siblings.openCount >= waiting.siblings.max,
      "max_parallel",
    ],
    [waiting.state === "blocked", "starting"],
    [able.length === 0, "no_capacity_ever"],
    [open.length === 0, "pool_paused"],
    [waiting.siblings !== null && waiting.siblings.openCount >= waiting.siblings.max, "max_parallel"],
    [waiting.retry !== null, "backoff"],
    [waiting.repositoryJobs.max !== null && waiting.repositoryJobs.openCount >= waiting.repositoryJobs.max, "quota"],
    [
      open.some(({ one, groups }) => !isFull(one) && groups.some((two) => two.readyCount > 0 && two.freeSlots > 0)),
      "starting",
    ],
    [atWork.length > 0 && atWork.every(({ one }) => isFull(one)), "quota"],
    [growing.some((two) => two.comingCount > 0), "scaling_up"],
    [growing.some((two) => two.failure !== null && two.agentsMax > 0), "provider_failed"],
    [open.some(({ one, groups }) => !isFull(one) && groups.some((two) => two.readyCount > 0)), "all_busy"],
    [growing.some((two) => two.machinesCount < two.agentsMax), "no_agent_matches"],
    [sum("drainingCount") > 0, "agent_draining"],
    [sum("offlineCount") > 0, "agents_offline"],
    [true, "no_agent_matches"],
  ];
  return inOrder.find(([holds]) => holds)?.[1] ?? "no_agent_matches";
}

describe("whatever the facts", () => {
  it("there is exactly one reason, the first of the documented order, in whole sentences", () => {
    fc.assert(
      fc.property(anyJob, anyFleet, (waiting, farm) => {
        const reason = decideWaitReason(waiting, farm);
        expect(WAIT_CODES).toContain(reason.code);
        expect(reason.code).toBe(expectedCode(waiting, farm));
        expect(`${reason.sentence} ${reason.unblock}`).not.toMatch(/undefined|null|NaN|Infinity| {2}/);
        expect(reason.sentence.length).toBeGreaterThan(8);
        expect(reason.unblock.length).toBeGreaterThan(5);
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});
