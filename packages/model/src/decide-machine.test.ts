import { expect, it } from "vitest";
import { decideMachine, JOIN_WITHIN_MS, type MachineFacts, type MachineStep } from "./decide-machine.ts";

const facts = (over: Partial<MachineFacts>): MachineFacts => ({
  state: "ready",
  provider: "docker",
  seen: undefined,
  waitMs: 0,
  createdForMs: 5_000,
  joinedForMs: 2_000,
  isEphemeral: false,
  agentState: "ready",
  isAgentStopped: false,
  agentLostForMs: null,
  openCount: 0,
  isWanted: true,
  ...over,
});

const stopped = { agentState: "lost", isAgentStopped: true } as const;
const CASES: [string, Partial<MachineFacts>, MachineStep["kind"]][] = [
  ["one that was asked for is made", { state: "creating", createdForMs: null, agentState: null }, "create"],
  ["one that cannot be made now is left until later", { state: "creating", waitMs: 1 }, "none"],
  ["one that was asked of another provider is not made", { state: "creating", isWanted: false }, "destroy"],
  ["one that died before its row said that it was made failed", { state: "creating", seen: "dead" }, "fail"],
  ["one that is not listed yet is still to be made", { state: "creating", seen: "missing" }, "create"],
  ["one whose agent has time to join is waited for", { state: "starting", agentState: null, seen: "alive" }, "none"],
  ["one that died before its agent joined failed", { state: "starting", seen: "dead" }, "fail"],
  ["one that vanished before its agent joined failed", { state: "starting", seen: "missing" }, "fail"],
  ["one whose agent takes too long failed", { state: "starting", createdForMs: JOIN_WITHIN_MS.docker + 1 }, "fail"],
  ["a machine of a cloud has longer", { state: "starting", provider: "command", createdForMs: 600_000 }, "none"],
  ["one that works is left alone", { seen: "alive", openCount: 1 }, "none"],
  ["one that died has lost its agent, whatever that held", { seen: "dead", openCount: 1 }, "lose"],
  ["one that vanished has lost its agent", { seen: "missing", openCount: 1 }, "lose"],
  ["one whose agent was removed goes", { agentState: "removed" }, "lose"],
  ["one whose agent never connected goes", { agentState: "joining", joinedForMs: 1_000_000 }, "lose"],
  ["one whose agent is about to connect is waited for", { agentState: "joining" }, "none"],
  ["a silent agent is the leases' matter", { agentState: "suspect", openCount: 1, seen: "alive" }, "none"],
  ["an agent for one job that said goodbye goes", { ...stopped, isEphemeral: true, agentLostForMs: 0 }, "end"],
  ["another that said goodbye may come back", { ...stopped, agentLostForMs: 5_000 }, "none"],
  ["but not for ever", { ...stopped, agentLostForMs: 61_000 }, "end"],
  ["a lost agent may come back", { agentState: "lost", agentLostForMs: 300_000 }, "none"],
  ["but not for ever either", { agentState: "lost", agentLostForMs: 700_000 }, "end"],
  ["one of a provider that was changed goes when it is idle", { isWanted: false }, "end"],
  ["and not while it works", { isWanted: false, openCount: 1 }, "none"],
  ["one that is to go is ended", { state: "ending", agentState: "draining" }, "destroy"],
  ["one that cannot be ended now is left until later", { state: "ending", waitMs: 1 }, "none"],
  ["one that has ended is over", { state: "ended" }, "none"],
  ["one that failed is over", { state: "failed" }, "none"],
];

it.each(CASES)("%s", (_, over, kind) => {
  expect(decideMachine(facts(over)).kind).toBe(kind);
});
