import type { ProviderKind } from "./pool.ts";
import type { AgentState, MachineState } from "./states.ts";

/** What one look at a provider said of a machine; undefined: nobody has looked since its state last changed. */
export type MachineSeen = "alive" | "dead" | "missing";

/** All that is known of one machine. */
export interface MachineFacts {
  readonly state: MachineState;
  readonly provider: ProviderKind;
  readonly seen: MachineSeen | undefined;
  /** It is not tried again for this long. */
  readonly waitMs: number;
  /** Since its provider made it, and since its agent joined; null before. */
  readonly createdForMs: number | null;
  readonly joinedForMs: number | null;
  readonly isEphemeral: boolean;
  readonly agentState: AgentState | null;
  /** Its agent said goodbye. */
  readonly isAgentStopped: boolean;
  readonly agentLostForMs: number | null;
  /** Attempts that its agent holds. */
  readonly openCount: number;
  /** The pool's provider is still the one that it was asked of. */
  readonly isWanted: boolean;
}

/**
 * What is to be done about a machine.
 * `create`: ask the provider for it. `destroy`: ask the provider to end it, then take its agent off. `fail`: as `destroy`, it
 * came to nothing. `lose`: as `destroy`, its agent is gone whatever it held. `end`: decide that it is to go, if it is idle.
 */
export type MachineStep =
  | { readonly kind: "none" | "create" }
  | { readonly kind: "destroy" | "fail" | "lose" | "end"; readonly reason: string };

/** An agent may take this long to join once its machine is there: a cloud's has to start first. */
export const JOIN_WITHIN_MS: Readonly<Record<ProviderKind, number>> = {
  process: 120_000,
  docker: 180_000,
  command: 720_000,
};
/** An agent that stops and comes back, as one that is upgraded does, takes less. */
const STOPPED_MS_MAX = 60_000;
/** An agent that is not heard of for longer, on a machine that is said to be alive, is not waited for. */
const LOST_MS_MAX = 600_000;

const NONE: MachineStep = { kind: "none" };

/** Decides the next step for one machine. */
export function decideMachine(facts: MachineFacts): MachineStep {
  if (facts.waitMs > 0) return NONE;
  switch (facts.state) {
    case "creating":
      if (!facts.isWanted) return { kind: "destroy", reason: "the pool's provider was changed before it was made" };
      if (facts.seen === "dead") return { kind: "fail", reason: "it ended before its agent joined" };
      return { kind: "create" };
    case "starting":
      return decideStarting(facts);
    case "ready":
      return decideReady(facts);
    case "ending":
      return { kind: "destroy", reason: "" };
    case "ended":
    case "failed":
      return NONE;
  }
}

function decideStarting(facts: MachineFacts): MachineStep {
  if (facts.seen === "dead") return { kind: "fail", reason: "it ended before its agent joined" };
  if (facts.seen === "missing") return { kind: "fail", reason: "it is gone, and its agent had not joined" };
  const withinMs = JOIN_WITHIN_MS[facts.provider];
  if ((facts.createdForMs ?? 0) > withinMs) {
    return { kind: "fail", reason: `its agent did not join within ${withinMs / 1_000} s` };
  }
  return NONE;
}

function decideReady(facts: MachineFacts): MachineStep {
  if (facts.seen === "dead") return { kind: "lose", reason: "it ended" };
  if (facts.seen === "missing") return { kind: "lose", reason: "its provider does not know it any more" };
  if (facts.agentState === "removed") return { kind: "lose", reason: "its agent was removed" };
  if (facts.agentState === "joining" && (facts.joinedForMs ?? 0) > JOIN_WITHIN_MS[facts.provider]) {
    return { kind: "lose", reason: "its agent joined and never connected" };
  }
  const lostForMs = facts.agentLostForMs ?? 0;
  if (facts.isAgentStopped && (facts.isEphemeral || lostForMs > STOPPED_MS_MAX)) {
    return { kind: "end", reason: "its agent said goodbye" };
  }
  if (facts.agentState === "lost" && lostForMs > LOST_MS_MAX) {
    return { kind: "end", reason: "its agent has not been heard of for ten minutes" };
  }
  const isIdle = facts.agentState === "ready" && facts.openCount === 0;
  if (!facts.isWanted && isIdle) return { kind: "end", reason: "the pool's provider was changed" };
  return NONE;
}
