import type { DemandedJob, ScaledAgent } from "./scale-facts.ts";

export interface AgentPlanFacts {
  /** Agents that work, and those that could: only idle and starting ones are counted up. */
  readonly agents: readonly ScaledAgent[];
  readonly jobs: readonly DemandedJob[];
  readonly targetWaitMs: number;
  readonly slots: number;
  readonly isEphemeral: boolean;
  /** Never more beside the busy ones. */
  readonly moreMax: number;
}

export interface AgentPlan {
  /** Agents beside the busy ones (idle, starting or new) with which every job starts in time; `moreMax` when none suffices. */
  readonly more: number;
  /** Jobs that would start too late with the busy agents alone. */
  readonly late: { readonly queued: number; readonly soon: number };
  /** Jobs that start too late even so. */
  readonly lateStill: number;
}

interface Slot {
  freeInMs: number;
  readonly isOnce: boolean;
}

/**
 * The fewest agents with which every job is expected to start in time: the jobs are laid out on the slots in order, each
 * on the one that is free first. Agents that are starting, and those that would be made, count as if they were there: how
 * long a start takes cannot be helped, but it must not hide that there are too few. More slots never make a job later, and more jobs never make one earlier, so the answer
 * grows with the demand and can be searched by halves.
 */
export function planAgents(facts: AgentPlanFacts): AgentPlan {
  const busy = facts.agents.filter((agent) => agent.state === "busy");
  const waiting = facts.agents
    .filter((agent) => agent.state === "idle" || agent.state === "starting")
    .sort((a, b) => (a.state === b.state ? b.sinceMs - a.sinceMs : a.state === "idle" ? -1 : 1));
  const jobs = [...facts.jobs].sort((a, b) => a.inMs - b.inMs || b.waitedMs - a.waitedMs);
  const lateWith = (more: number) => findLate(jobs, slotsWith(more), facts);

  const late = lateWith(0);
  if (late.length === 0) return { more: 0, late: { queued: 0, soon: 0 }, lateStill: 0 };
  // more agents than jobs cannot help
  const most = Math.min(facts.moreMax, jobs.length);
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (lateWith(middle).length === 0) high = middle;
    else low = middle + 1;
  }
  const soon = late.filter((job) => job.inMs > 0).length;
  return { more: low, late: { queued: late.length - soon, soon }, lateStill: lateWith(low).length };

  function slotsWith(more: number): Slot[] {
    const slots = busy.flatMap(slotsOf);
    for (let index = 0; index < more; index++) {
      const agent = waiting[index];
      if (agent !== undefined) slots.push(...slotsOf(agent));
      else slots.push(...freeSlots(facts.isEphemeral ? 1 : facts.slots, facts.isEphemeral));
    }
    return slots;
  }
}

function slotsOf(agent: ScaledAgent): Slot[] {
  if (agent.isEphemeral) return agent.state === "busy" ? [] : freeSlots(1, true);
  const taken = agent.leftMs.map((leftMs) => ({ freeInMs: leftMs, isOnce: false }));
  return [...taken, ...freeSlots(Math.max(0, agent.slots - taken.length), false)];
}

function freeSlots(count: number, isOnce: boolean): Slot[] {
  return Array.from({ length: count }, () => ({ freeInMs: 0, isOnce }));
}

/**
 * The jobs that would start too late. One that waited for most of the target already is to start within half of it: else a
 * backlog that is too old would ask for an agent for each of its jobs.
 */
function findLate(jobs: readonly DemandedJob[], slots: Slot[], { targetWaitMs }: AgentPlanFacts): DemandedJob[] {
  const heap = createHeap(slots);
  return jobs.filter((job) => {
    const slot = heap.first();
    if (slot === undefined) return true;
    const startInMs = Math.max(job.inMs, slot.freeInMs);
    if (slot.isOnce) heap.removeFirst();
    else {
      slot.freeInMs = startInMs + job.expectedMs;
      heap.sinkFirst();
    }
    return startInMs > job.inMs + Math.max(targetWaitMs - job.waitedMs, targetWaitMs / 2);
  });
}

/** Slots, the one that is free first on top. */
function createHeap(slots: Slot[]) {
  const heap = slots.sort((a, b) => a.freeInMs - b.freeInMs);
  const sink = () => {
    let at = 0;
    for (;;) {
      const here = heap[at];
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (here === undefined || left === undefined) return;
      const isRight = right !== undefined && right.freeInMs < left.freeInMs;
      const child = isRight ? right : left;
      if (child.freeInMs >= here.freeInMs) return;
      const childAt = 2 * at + (isRight ? 2 : 1);
      heap[at] = child;
      heap[childAt] = here;
      at = childAt;
    }
  };
  return {
    first: () => heap[0],
    sinkFirst: sink,
    removeFirst() {
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return;
      heap[0] = last;
      sink();
    },
  };
}
