import { asAgentId, type UpgradeAgent } from "@windrow/model";
import { expect, it } from "vitest";
import { refuseNothingToUpgrade } from "./refuse-nothing-to-upgrade.ts";

const VERSION = "0.2.0+1a2b3c4d";
const agent: UpgradeAgent = {
  ...{
    agentId: asAgentId("1"),
    name: "east",
    version: VERSION,
    isUpgradable: true,
    isConnected: true,
    isLeaving: false,
  },
  ...{ isLost: false, isDrained: false, openCount: 0, instanceId: "i" },
};
const by = (change: Partial<UpgradeAgent>) => () => refuseNothingToUpgrade([agent, { ...agent, ...change }], VERSION);

it.each<[Partial<UpgradeAgent>, string]>([
  [{}, `every agent of the pool is ${VERSION} already`],
  [{ name: "west", version: "0.1.0", isUpgradable: false }, "these agents do not run from a bundle: west"],
  [
    { name: "west", version: "0.2.0", isUpgradable: false },
    "these agents are of the release 0.2.0, but do not run from a bundle: west",
  ],
  [{ version: "0.1.0", isConnected: false }, "no outdated agent of the pool is connected now"],
])("an upgrade that would do nothing is refused with its reason (%j)", (change, sentence) => {
  expect(by(change)).toThrow(sentence);
});

it("a pool without agents is not told that they are all new", () => {
  expect(() => refuseNothingToUpgrade([], VERSION)).toThrow("the pool has no agent");
});

it("one agent that can be upgraded is enough", () => {
  expect(by({ version: "0.1.0" })).not.toThrow();
});
