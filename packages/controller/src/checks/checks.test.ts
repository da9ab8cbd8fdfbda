import type { AgentFacts, DatabaseFacts } from "@windrow/store";
import { describe, expect, test } from "vitest";
import { judgeAgents } from "./check-agents.ts";
import { judgeDatabase, judgeDatabaseClock, judgeDurability } from "./check-database.ts";
import { judgeDisk } from "./check-disk.ts";
import { judgeControllerGit } from "./check-git.ts";
import { judgeMachines } from "./check-machines.ts";
import { judgeNats } from "./check-nats.ts";

const GOOD: DatabaseFacts = {
  versionNum: 180_004,
  fsync: "on",
  fullPageWrites: "on",
  synchronousCommit: "on",
  isStandby: false,
  nowMs: 0,
  connectionsMax: 100,
  connectionsCount: 12,
};

describe("database", () => {
  test.each([
    ["a good one", {}, 1, "ok"],
    ["one that is too old", { versionNum: 140_009 }, 1, "failed"],
    ["a standby", { isStandby: true }, 1, "failed"],
    ["one far away", {}, 50, "warning"],
    ["one with hardly a connection left", { connectionsCount: 95 }, 1, "warning"],
  ])("%s", (_, change, delayMs, state) => expect(judgeDatabase({ ...GOOD, ...change }, delayMs).state).toBe(state));

  test.each([
    ["all on", {}, "ok"],
    ["commits acknowledged by a standby", { synchronousCommit: "remote_apply" }, "ok"],
    ["no fsync", { fsync: "off" }, "failed"],
    ["commits that are not on the disk", { synchronousCommit: "off" }, "failed"],
    ["torn pages", { fullPageWrites: "off" }, "failed"],
  ])("durability: %s", (_, change, state) => expect(judgeDurability({ ...GOOD, ...change }).state).toBe(state));

  test("says by how much and which way a clock differs", () => {
    expect(judgeDatabaseClock(400)).toMatchObject({ state: "ok" });
    expect(judgeDatabaseClock(-86_400_000)).toMatchObject({
      state: "warning",
      detail: "86400 s behind the controller's",
    });
  });
});

describe("agents", () => {
  const agent = (change: Partial<AgentFacts>): AgentFacts => ({
    name: "a",
    state: "ready",
    certificateExpiresAt: new Date(10_000),
    clockAheadMs: 0,
    ...change,
  });
  const statesOf = (agents: readonly AgentFacts[]) => judgeAgents(agents, 5_000).map((check) => check.state);

  test("all well", () => expect(statesOf([agent({}), agent({ clockAheadMs: null })])).toEqual(["ok", "ok", "ok"]));
  test("none ready", () => expect(statesOf([agent({ state: "lost" })])[0]).toBe("warning"));
  test("a clock a day ahead is named", () => {
    const [, clocks] = judgeAgents([agent({ clockAheadMs: 86_400_000 })], 5_000);
    expect(clocks).toMatchObject({ state: "warning", detail: "a (86400 s ahead)" });
  });
  test("an expired certificate counts only where the agent is here", () => {
    const certificateExpiresAt = new Date(1_000);
    expect(statesOf([agent({ certificateExpiresAt })])[2]).toBe("warning");
    expect(statesOf([agent({ certificateExpiresAt, state: "lost" })])[2]).toBe("ok");
  });
});

describe("providers", () => {
  test("nothing is said where no machine is", () => expect(judgeMachines([])).toEqual([]));
  test("all well", () => {
    expect(judgeMachines([{ pool: "go", error: null }])).toMatchObject([
      { state: "ok", detail: "1 machine, none in trouble" },
    ]);
  });
  test("a pool whose provider fails is named once, with what the provider said", () => {
    const machines = [{ pool: "go", error: null }, ...[1, 2].map(() => ({ pool: "python", error: "no such image" }))];
    expect(judgeMachines(machines)).toMatchObject([{ state: "warning", detail: "pool python: no such image" }]);
  });
});

describe("nats", () => {
  const server = (version: string, otherListeners: readonly string[] = []) => ({ name: "n", version, otherListeners });
  const statesOf = (probe: Parameters<typeof judgeNats>[0]) => judgeNats(probe).map((check) => check.state);
  const good = { servers: [server("2.10.27")], isOpenToStrangers: false, leaks: [] };

  test.each([
    ["all well", good, ["ok", "ok", "ok", "ok"]],
    ["newer", { ...good, servers: [server("2.11.0")] }, ["ok", "ok", "ok", "ok"]],
    ["older", { ...good, servers: [server("2.9.10")] }, ["warning", "ok", "ok", "ok"]],
    ["open to strangers", { ...good, isOpenToStrangers: true }, ["ok", "failed", "ok", "ok"]],
    ["a credential that reaches everything", { ...good, leaks: [">"] }, ["ok", "ok", "failed", "ok"]],
    ["a monitor", { ...good, servers: [server("2.10.27", ["http_port"])] }, ["ok", "ok", "ok", "failed"]],
  ])("%s", (_, probe, states) => expect(statesOf(probe)).toEqual(states));
});

test.each([
  [500, 1_000, "ok"],
  [50, 5_000, "ok"],
  [5, 100, "warning"],
  [0.5, 100, "failed"],
])("%d of %d GiB free", (free, all, state) => {
  const GIB = 1024 ** 3;
  expect(judgeDisk({ freeBytes: free * GIB, allBytes: all * GIB, folder: "/data" }).state).toBe(state);
});

test.each([
  ["git version 2.39.5", "ok"],
  ["git version 2.20.1", "failed"],
])("%s", (text, state) => expect(judgeControllerGit(text).state).toBe(state));
