import { labelsKey } from "./grant-history.ts";
import type { AgentId } from "./ids.ts";
import type { FreeAgent } from "./queue-facts.ts";

/** Agents with the same labels. */
export interface AgentClass {
  readonly key: string;
  readonly labels: ReadonlySet<string>;
}

/** The free slots of one pool during one pass; they only get fewer. */
export interface AgentRoom {
  isFree(): boolean;
  /** Classes that have a free slot, in a fixed order. */
  freeClasses(): readonly AgentClass[];
  /** Whether a free agent has these labels. */
  fits(labels: readonly string[]): boolean;
  /**
   * Takes a slot of an agent with these labels: one of the warm ones if any is free, then the one with the fewest labels
   * (special agents stay free for those who need them), then the one with the most room.
   */
  take(wanted: {
    readonly labels: readonly string[];
    readonly warm: readonly AgentId[];
    readonly ofClass?: AgentClass;
  }): { readonly agentId: AgentId; readonly agentClass: AgentClass; readonly isWarm: boolean } | undefined;
}

interface Slot {
  readonly agentId: AgentId;
  readonly group: Group;
  left: number;
}

interface Group extends AgentClass {
  readonly slots: Slot[];
  left: number;
}

export const hasLabels = (agent: AgentClass, labels: readonly string[]): boolean =>
  labels.every((label) => agent.labels.has(label));

export function createAgentRoom(agents: readonly FreeAgent[]): AgentRoom {
  const byKey = new Map<string, Group>();
  const byAgent = new Map<AgentId, Slot>();
  for (const { agentId, labels, freeSlots } of agents) {
    if (freeSlots <= 0) continue;
    const key = labelsKey(labels);
    const group = byKey.get(key) ?? { key, labels: new Set(labels), slots: [], left: 0 };
    byKey.set(key, group);
    const slot = { agentId, group, left: freeSlots };
    group.slots.push(slot);
    group.left += freeSlots;
    byAgent.set(agentId, slot);
  }
  const groups = [...byKey.values()].sort((a, b) => a.labels.size - b.labels.size || (a.key < b.key ? -1 : 1));
  const freeGroups = (labels: readonly string[]) =>
    groups.filter((group) => group.left > 0 && hasLabels(group, labels));

  return {
    isFree: () => groups.some((group) => group.left > 0),
    freeClasses: () => groups.filter((group) => group.left > 0),
    fits: (labels) => groups.some((group) => group.left > 0 && hasLabels(group, labels)),
    take({ labels, warm, ofClass }) {
      const open = freeGroups(labels).filter((group) => ofClass === undefined || group === ofClass);
      const warmSlots = warm
        .flatMap((agentId) => byAgent.get(agentId) ?? [])
        .filter((slot) => open.includes(slot.group));
      const warmSlot = best(warmSlots);
      const slot =
        warmSlot ??
        best(open.filter((group) => group.labels.size === open[0]?.labels.size).flatMap((group) => group.slots));
      if (slot === undefined) return undefined;
      slot.left -= 1;
      slot.group.left -= 1;
      return { agentId: slot.agentId, agentClass: slot.group, isWarm: slot === warmSlot };
    },
  };
}

function best(slots: readonly Slot[]): Slot | undefined {
  let found: Slot | undefined;
  for (const slot of slots) if (slot.left > 0 && (found === undefined || isBetter(slot, found))) found = slot;
  return found;
}

function isBetter(a: Slot, b: Slot): boolean {
  if (a.group.labels.size !== b.group.labels.size) return a.group.labels.size < b.group.labels.size;
  if (a.left !== b.left) return a.left > b.left;
  return a.agentId < b.agentId;
}
