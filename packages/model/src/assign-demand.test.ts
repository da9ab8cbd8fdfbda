import { expect, it } from "vitest";
import { assignDemand, type DemandPool, type WantedJob } from "./assign-demand.ts";
import { asJobId, asRepositoryId } from "./ids.ts";

const pool = (name: string, changes: Partial<DemandPool> = {}): DemandPool => ({
  name,
  priority: 0,
  weight: 1,
  untrustedAllowed: false,
  isPaused: false,
  labelSets: [[name, "linux", `pool:${name}`]],
  freeSlots: 0,
  comingSlots: 0,
  canGrow: true,
  jobsLeft: null,
  ...changes,
});
const jobs = (count: number, changes: Partial<WantedJob> = {}): WantedJob[] =>
  Array.from({ length: count }, (_, index) => ({
    jobId: asJobId(index + 1),
    repositoryId: asRepositoryId(1),
    labels: ["linux"],
    trust: "trusted",
    preferredPool: null,
    lastPool: undefined,
    repositoryLeft: null,
    siblings: null,
    ...changes,
  }));
function counts(wanted: readonly WantedJob[], pools: readonly DemandPool[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of assignDemand(wanted, pools).values()) found[name] = (found[name] ?? 0) + 1;
  return found;
}

it("a job that several pools could run is counted once, with the pool of its language", () => {
  const pools = [pool("node", { priority: 5 }), pool("python")];
  expect(counts(jobs(10, { preferredPool: "python" }), pools)).toEqual({ python: 10 });
});

it("without one the highest priority gets it, and equal ones share by weight", () => {
  expect(counts(jobs(10), [pool("node"), pool("python", { priority: 1 })])).toEqual({ python: 10 });
  const { node = 0, python = 0 } = counts(jobs(400), [pool("node", { weight: 3 }), pool("python")]);
  expect(node + python).toBe(400);
  expect(node / python).toBeGreaterThan(2);
  expect(node / python).toBeLessThan(4.5);
});

it("what a free slot elsewhere can take makes no agent", () => {
  const pools = [pool("default", { freeSlots: 3, canGrow: false }), pool("python")];
  expect(counts(jobs(5, { preferredPool: "python" }), pools)).toEqual({ default: 3, python: 2 });
});

it("a pool that cannot grow gives way to one that can", () => {
  expect(counts(jobs(2), [pool("big", { priority: 9, canGrow: false }), pool("python")])).toEqual({ python: 2 });
});

it("jobs whose agents are on their way are not counted with another pool", () => {
  const full = pool("node", { priority: 9, canGrow: false, comingSlots: 6 });
  expect(counts(jobs(6), [full, pool("python")])).toEqual({ node: 6 });
  expect(counts(jobs(8), [full, pool("python")])).toEqual({ node: 6, python: 2 });
  const ready = pool("python", { freeSlots: 1 });
  expect(counts(jobs(3), [full, ready])).toEqual({ node: 2, python: 1 });
});

it("pools that are paused, lack labels or do not take strangers' work get nothing", () => {
  expect(counts(jobs(1), [pool("node", { isPaused: true })])).toEqual({});
  expect(counts(jobs(1, { labels: ["gpu"] }), [pool("node")])).toEqual({});
  expect(counts(jobs(1, { trust: "untrusted" }), [pool("node")])).toEqual({});
});

it("limits of pools, repositories and matrices make no agents for what may not start", () => {
  expect(counts(jobs(9), [pool("node", { jobsLeft: 4 })])).toEqual({ node: 4 });
  expect(counts(jobs(9, { repositoryLeft: 2 }), [pool("node")])).toEqual({ node: 2 });
  expect(counts(jobs(9, { siblings: { key: "1/1/test", left: 3 } }), [pool("node")])).toEqual({ node: 3 });
});

it("a job whose labels are not known yet goes where it ran the last time", () => {
  const pools = [pool("node"), pool("python")];
  expect(counts(jobs(2, { labels: null, lastPool: "python" }), pools)).toEqual({ python: 2 });
  expect(counts(jobs(2, { labels: null }), pools)).toEqual({});
});
