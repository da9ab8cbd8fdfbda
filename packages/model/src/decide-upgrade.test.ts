import { expect, test } from "vitest";
import { compareVersions, isOutdated } from "./compare-versions.ts";
import { decideUpgrade, UPGRADE_BACK_MS_MAX, type UpgradeAgent, type UpgradeStep } from "./decide-upgrade.ts";
import { asAgentId } from "./ids.ts";

const OLD = "0.1.0+11111111";
const NEW = "0.1.0+22222222";
const NOW = 1_000_000;

function agent(name: string, facts: Partial<UpgradeAgent> = {}): UpgradeAgent {
  return {
    agentId: asAgentId(name),
    name,
    version: OLD,
    isUpgradable: true,
    isConnected: true,
    isLeaving: false,
    isLost: false,
    isDrained: facts.step !== undefined,
    openCount: 0,
    instanceId: "first",
    ...facts,
  };
}
const draining: UpgradeStep = { state: "draining", sentAtMs: null, sentInstanceId: null, problem: null };
const upgrading: UpgradeStep = { state: "upgrading", sentAtMs: NOW - 1_000, sentInstanceId: "first", problem: null };
const decide = (agents: readonly UpgradeAgent[], atOnce = 1) =>
  decideUpgrade({ targetVersion: NEW, atOnce, agents, nowMs: NOW });

test.each<[string, readonly UpgradeAgent[], number, ReturnType<typeof decide>]>([
  [
    "begins with the agent that holds least, then by name",
    [agent("c", { openCount: 1 }), agent("b"), agent("a", { openCount: 2 })],
    2,
    { actions: [drain("b"), drain("c")] },
  ],
  [
    "leaves out who is of this version, cannot exchange itself, is away, or is on its way out",
    [
      agent("a", { version: NEW }),
      agent("b", { isUpgradable: false }),
      agent("c", { isConnected: false }),
      agent("d", { isLeaving: true }),
      agent("e", { version: "0.2.0+33333333" }),
    ],
    5,
    { actions: [], end: { state: "finished", reason: "" } },
  ],
  ["waits for an agent that holds a job", [agent("a", { step: draining, openCount: 1 })], 1, { actions: [] }],
  ["tells an empty one", [agent("a", { step: draining })], 1, { actions: [{ kind: "send", agentId: asAgentId("a") }] }],
  ["begins with no other while one is at it", [agent("a", { step: upgrading }), agent("b")], 1, { actions: [] }],
  [
    "begins with another one in the pass in which one is back",
    [agent("a", { step: upgrading, version: NEW, instanceId: "second" }), agent("b")],
    1,
    { actions: [{ kind: "done", agentId: asAgentId("a") }, drain("b")] },
  ],
  ["waits for one that is away", [agent("a", { step: upgrading, isConnected: false })], 1, { actions: [] }],
  [
    "halts when one is not back in time",
    [agent("a", { step: { ...upgrading, sentAtMs: NOW - UPGRADE_BACK_MS_MAX - 1 }, isConnected: false }), agent("b")],
    2,
    failed("it did not come back within 5 minutes"),
  ],
  [
    "halts when one comes back as it was",
    [agent("a", { step: upgrading, instanceId: "second" }), agent("b")],
    2,
    failed(`it came back with version ${OLD}`),
  ],
  [
    "halts with what the agent says",
    [agent("a", { step: { ...upgrading, problem: "no space left on device" } })],
    1,
    failed("no space left on device"),
  ],
  [
    "goes on without one that is removed meanwhile",
    [agent("a", { step: draining, isLeaving: true }), agent("b")],
    1,
    { actions: [{ kind: "skip", agentId: asAgentId("a"), reason: "it was taken off the farm" }, drain("b")] },
  ],
  [
    "goes on without one that is lost before its turn, and without one that somebody resumed",
    [agent("a", { step: draining, isLost: true }), agent("b", { step: draining, isDrained: false })],
    2,
    {
      actions: [
        { kind: "skip", agentId: asAgentId("a"), reason: "it went away before its turn" },
        { kind: "skip", agentId: asAgentId("b"), reason: "somebody let it take work again" },
      ],
      end: { state: "finished", reason: "" },
    },
  ],
  [
    "does not come back to one that it skipped",
    [agent("a", { step: { ...draining, state: "skipped" } })],
    1,
    { actions: [], end: { state: "finished", reason: "" } },
  ],
])("an upgrade %s", (_name, agents, atOnce, decision) => {
  expect(decide(agents, atOnce)).toEqual(decision);
});

test.each([
  ["0.1.0", "0.1.0", "same"],
  ["0.1.0", "0.1.0+abc", "same"],
  ["0.1.0+abc", "0.1.0+abc", "same"],
  ["0.1.0+abd", "0.1.0+abc", "other"],
  ["0.1.0+abc", "0.2.0+abc", "older"],
  ["0.9.0", "0.10.0", "older"],
  ["1.0.0", "0.10.0+abc", "newer"],
  ["test", "0.1.0", "other"],
])("version %s beside %s is %s", (version, target, skew) => {
  expect(compareVersions(version, target)).toBe(skew);
  expect(isOutdated(version, target)).toBe(skew === "older" || skew === "other");
});

function drain(name: string) {
  return { kind: "drain" as const, agentId: asAgentId(name) };
}

function failed(reason: string): ReturnType<typeof decide> {
  const action = { kind: "fail" as const, agentId: asAgentId("a"), reason };
  return { actions: [action], end: { state: "halted", reason: `a: ${reason}` } };
}
