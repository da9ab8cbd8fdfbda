import { effectivePolicy } from "./effective-policy.ts";
import { type AgentPlan, planAgents } from "./plan-agents.ts";
import type { ScalingPolicy } from "./pool.ts";
import {
  SCALE_JOBS_MAX,
  type ScaleCode,
  type ScaleDecision,
  type ScaledAgent,
  type ScaleFacts,
} from "./scale-facts.ts";
import { count, duration } from "./scale-words.ts";

/** Jobs that are ready by when an agent made now takes its first job, and a moment more, count already. */
export const LOOK_AHEAD_MARGIN_MS = 2_000;
/** One that ends counts towards the maximum for so long; one whose end takes longer is not to keep jobs waiting. */
export const ENDING_COUNTS_MS = 20_000;
/** But never so many times the maximum, however long ends take. */
const OVERLAP_MAX = 2;
/** After the first failure; it doubles with each one that follows. */
const BACKOFF_FIRST_MS = 2_000;
const BACKOFF_MS_MAX = 5 * 60_000;

/**
 * How many agents a pool needs, how many to make and which to end. Agents that are starting are room already, so nothing
 * is asked for twice; one that is starting or busy is never ended; an idle one goes when it is not needed and has been
 * idle for the policy's time, at once when the pool has more than its maximum.
 */
export function decideScale(facts: ScaleFacts): ScaleDecision {
  const policy = effectivePolicy(facts.policy, facts.nowMs);
  const room = facts.agents.filter(isRoom);
  const busyCount = room.filter((agent) => agent.state === "busy").length;
  const plan = facts.isPaused ? NO_DEMAND : planDemand(facts, policy, busyCount);
  const wanted = busyCount + plan.more;
  const desired = Math.min(policy.max, Math.max(policy.min, wanted + policy.warmMin));

  const takenCount = facts.agents.filter(takesPlace).length;
  const placesLeft = Math.min(policy.max - takenCount, OVERLAP_MAX * policy.max - facts.agents.length);
  const missing = Math.max(0, desired - room.length);
  const holdMs = Math.max(0, backoffMs(facts.failures.count) - facts.failures.agoMs);
  const isHeld = facts.isPaused || !facts.hasProvider || holdMs > 0;
  const make = isHeld ? 0 : Math.min(missing, Math.max(0, placesLeft));
  const end = chooseEnds({ facts, policy, room, desired });
  const direction = make > 0 ? "up" : end.length > 0 ? "down" : "hold";
  const context = { facts, policy, plan, room, busyCount, desired, missing, make, holdMs, endCount: end.length };
  return { desired, make, end, direction, ...explain(context) };
}

const NO_DEMAND: AgentPlan = { more: 0, late: { queued: 0, soon: 0 }, lateStill: 0 };

function isRoom({ state }: ScaledAgent): boolean {
  return state === "starting" || state === "idle" || state === "busy";
}

function takesPlace({ state, sinceMs }: ScaledAgent): boolean {
  return state !== "gone" && (state !== "ending" || sinceMs < ENDING_COUNTS_MS);
}

/** Agents that go already are not too many: else the same surplus would be ended again and again until they are gone. */
function stays({ state }: ScaledAgent): boolean {
  return state !== "gone" && state !== "spent" && state !== "ending";
}

function planDemand(facts: ScaleFacts, policy: ScalingPolicy, busyCount: number): AgentPlan {
  const horizonMs = facts.startMs + LOOK_AHEAD_MARGIN_MS;
  return planAgents({
    agents: facts.agents,
    jobs: facts.jobs.filter((job) => job.inMs <= horizonMs).slice(0, SCALE_JOBS_MAX),
    targetWaitMs: policy.targetWaitMs,
    slots: facts.slots,
    isEphemeral: policy.isEphemeral,
    moreMax: Math.max(0, policy.max - busyCount),
  });
}

function backoffMs(failureCount: number): number {
  return failureCount === 0 ? 0 : Math.min(BACKOFF_MS_MAX, BACKOFF_FIRST_MS * 2 ** (failureCount - 1));
}

function chooseEnds(of: {
  readonly facts: ScaleFacts;
  readonly policy: ScalingPolicy;
  readonly room: readonly ScaledAgent[];
  readonly desired: number;
}): ScaleDecision["end"] {
  const { facts, policy } = of;
  const ends: { machineId: string; name: string; reason: string }[] = [];
  const end = (agent: ScaledAgent, reason: string) => {
    if (agent.machineId !== null) ends.push({ machineId: agent.machineId, name: agent.name, reason });
  };
  for (const agent of facts.agents) {
    if (agent.state === "spent") end(agent, "it took its one job");
    if (agent.state === "gone") end(agent, "its agent will not answer again");
  }
  const idle = of.room
    .filter((agent) => agent.state === "idle" && agent.machineId !== null)
    .sort((a, b) => b.sinceMs - a.sinceMs || (a.name < b.name ? -1 : 1));
  let surplus = of.room.length - of.desired;
  let over = facts.agents.filter(stays).length - policy.max;
  for (const agent of idle) {
    if (surplus <= 0) break;
    if (over > 0) end(agent, `the pool has more than its ${count(policy.max, "agent")}`);
    else if (agent.sinceMs >= policy.idleMs) end(agent, `it was idle for ${duration(agent.sinceMs)}`);
    else break;
    surplus -= 1;
    over -= 1;
  }
  return ends;
}

interface Context {
  readonly facts: ScaleFacts;
  readonly policy: ScalingPolicy;
  readonly plan: AgentPlan;
  readonly room: readonly ScaledAgent[];
  readonly busyCount: number;
  readonly desired: number;
  readonly missing: number;
  readonly make: number;
  readonly holdMs: number;
  readonly endCount: number;
}

function explain(context: Context): { readonly code: ScaleCode; readonly reason: string } {
  const { facts, policy, make, missing, holdMs, endCount, room, desired } = context;
  if (make > 0) {
    const cause = causeOf(context);
    return { code: cause.code, reason: `${count(make, "agent")} more: ${cause.words}` };
  }
  if (missing > 0 && facts.isPaused) return { code: "paused", reason: "the pool is paused: no agent is made" };
  if (missing > 0 && !facts.hasProvider) {
    return { code: "no_provider", reason: `${causeOf(context).words}, but the pool has no provider that makes agents` };
  }
  if (missing > 0 && holdMs > 0) {
    const failed = count(facts.failures.count, "machine");
    return { code: "backoff", reason: `${failed} failed in a row: the next is made in ${duration(holdMs)}` };
  }
  if (endCount > 0) return explainEnd(context);
  if (missing > 0) {
    return {
      code: "at_max",
      reason: `${causeOf(context).words}; agents that end still count towards the ${policy.max}`,
    };
  }
  if (context.plan.lateStill > 0 && desired === policy.max) {
    return {
      code: "at_max",
      reason: `${count(context.plan.lateStill, "job")} will wait longer than the target: the pool has its ${count(policy.max, "agent")}`,
    };
  }
  const startingCount = room.filter((agent) => agent.state === "starting").length;
  if (startingCount > 0 && facts.providerError !== null) {
    const asked = `${count(startingCount, "agent")} asked for, but the provider fails`;
    return { code: "provider_failed", reason: `${asked}: ${facts.providerError}` };
  }
  if (startingCount > 0) {
    return { code: "starting", reason: `${count(startingCount, "agent")} on the way, as many as needed` };
  }
  const surplus = room.length - desired;
  if (surplus > 0) {
    return {
      code: "cooling",
      reason: `${count(surplus, "agent")} not needed, kept until idle for ${duration(policy.idleMs)}`,
    };
  }
  return {
    code: "enough",
    reason: room.length === 0 ? "nothing to do" : `${count(room.length, "agent")}, as many as needed`,
  };
}

/** Why so many are wanted: the strongest cause that reaches beyond what is there. */
function causeOf({ plan, policy, room, busyCount, desired }: Context): {
  readonly code: ScaleCode;
  readonly words: string;
} {
  const isForJobs = busyCount + plan.more > room.length;
  if (isForJobs) {
    const target = `would wait longer than ${duration(policy.targetWaitMs)}`;
    const capped = plan.lateStill > 0 && desired === policy.max ? `, and ${policy.max} is the most it may have` : "";
    if (plan.late.queued > 0) {
      const soon = plan.late.soon > 0 ? ` and ${plan.late.soon} about to be ready` : "";
      return {
        code: "queue",
        words: `${count(plan.late.queued, "queued job")}${soon} ${target} with ${busyCount === 0 ? "no agent" : count(busyCount, "busy agent")}${capped}`,
      };
    }
    return { code: "needs", words: `${count(plan.late.soon, "job")} about to be ready ${target}${capped}` };
  }
  if (policy.min > room.length) return { code: "min", words: `the minimum is ${policy.min}` };
  return {
    code: "warm",
    words: `${policy.warmMin} idle ${policy.warmMin === 1 ? "is" : "are"} kept ready beside those that work`,
  };
}

function explainEnd({ facts, policy, endCount, room, desired }: Context): {
  readonly code: ScaleCode;
  readonly reason: string;
} {
  const leaving = facts.agents.filter(
    ({ state, machineId }) => machineId !== null && (state === "spent" || state === "gone"),
  );
  if (leaving.length >= endCount) {
    return { code: "spent", reason: `${count(endCount, "agent")} took its one job, or will not answer again` };
  }
  const ended = `${count(endCount, "agent")} fewer`;
  const isOver = facts.agents.filter(stays).length > policy.max;
  if (isOver) return { code: "over_max", reason: `${ended}: the maximum is ${policy.max}` };
  return {
    code: "idle",
    reason: `${ended}: idle for ${duration(policy.idleMs)} or longer, and ${desired} of ${room.length} are needed`,
  };
}
