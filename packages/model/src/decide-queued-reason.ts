import { decideNoCapacityReason } from "./decide-no-capacity-reason.ts";
import { type AgentGroup, type Fleet, type FleetPool, hasLabels, type WaitingJob } from "./wait-facts.ts";
import type { WaitReason } from "./wait-reason.ts";
import { countOf, formatWait, joinAnd, nameLabels } from "./wait-words.ts";

/** Who could run one job, paused or not. */
export interface Capacity {
  /** With all its labels. */
  readonly groups: readonly { readonly group: AgentGroup; readonly pool: FleetPool }[];
  /** Pools whose agents, once made, would have all its labels. */
  readonly scaled: readonly FleetPool[];
}

/** The pools that could run jobs with these labels and this trust, now or once they have agents. */
export function findCapacity(job: Pick<WaitingJob, "labels" | "trust">, fleet: Fleet): Capacity {
  const pools = new Map(fleet.pools.map((pool) => [pool.name, pool]));
  const isAllowed = (pool: FleetPool): boolean => job.trust === "trusted" || pool.untrustedAllowed;
  return {
    groups: fleet.agentGroups.flatMap((group) => {
      const pool = pools.get(group.pool);
      return pool !== undefined && isAllowed(pool) && hasLabels(group.labels, job.labels) ? [{ group, pool }] : [];
    }),
    scaled: fleet.pools.filter(
      (pool) => isAllowed(pool) && pool.scaling?.labelSets.some((labels) => hasLabels(labels, job.labels)) === true,
    ),
  };
}

/** Why a job in the queue waits, when nothing outside of the queue holds it. */
export function decideQueuedReason(job: WaitingJob, fleet: Fleet): WaitReason {
  const { groups, scaled } = findCapacity(job, fleet);
  if (groups.length === 0 && scaled.length === 0) return decideNoCapacityReason(job, fleet);
  const openGroups = groups.filter(({ pool }) => pool.paused === null);
  const openScaled = scaled.filter((pool) => pool.paused === null);
  if (openGroups.length === 0 && openScaled.length === 0) return waitForResume(job, groups, scaled);
  return limitOfJob(job) ?? decideAgents(job, openGroups, openScaled);
}

function waitForResume(job: WaitingJob, groups: Capacity["groups"], scaled: Capacity["scaled"]): WaitReason {
  const pools = [...new Map([...groups.map(({ pool }) => pool), ...scaled].map((pool) => [pool.name, pool])).values()];
  const described = pools.map(({ name, paused }) => {
    const by = paused?.by === null || paused?.by === undefined ? "" : ` by ${paused.by}`;
    const why = paused?.reason === null || paused?.reason === undefined ? "" : `: ${paused.reason}`;
    return `${name} was paused${by}${why}`;
  });
  const sentence =
    pools.length === 1
      ? `the pool ${described.join("")}`
      : `all ${pools.length} pools with ${nameLabels(job.labels)} are paused: ${described.join("; ")}`;
  return {
    code: "pool_paused",
    sentence,
    unblock: `let ${pools.length === 1 ? "it" : "one of them"} grant again: windrow queue resume --pool ${pools[0]?.name ?? ""}`,
    isStuck: true,
  };
}

function limitOfJob(job: WaitingJob): WaitReason | undefined {
  const { siblings, retry, repositoryJobs } = job;
  if (siblings !== null && siblings.openCount >= siblings.max) {
    return {
      code: "max_parallel",
      sentence: `${siblings.openCount} of at most ${countOf(siblings.max, "job")} of its matrix run`,
      unblock: "one of them has to end; or raise max-parallel of its strategy",
      isStuck: false,
    };
  }
  if (retry !== null) {
    return {
      code: "backoff",
      sentence: `try ${retry.no} follows in ${formatWait(retry.inMs)}: the one before ended for reasons of the farm`,
      unblock: "nothing: it is tried again by itself",
      isStuck: false,
    };
  }
  if (repositoryJobs.max !== null && repositoryJobs.openCount >= repositoryJobs.max) {
    return {
      code: "quota",
      sentence: `${repositoryJobs.openCount} of at most ${countOf(repositoryJobs.max, "job")} of ${job.repository} run`,
      unblock: `one of them has to end; or raise the limit: windrow repo set ${job.repository} --jobs-max ${repositoryJobs.max + 1}`,
      isStuck: false,
    };
  }
  return undefined;
}

const isFull = (pool: FleetPool): boolean => pool.jobsMax !== null && pool.jobsOpenCount >= pool.jobsMax;

function decideAgents(job: WaitingJob, groups: Capacity["groups"], scaled: readonly FleetPool[]): WaitReason {
  const ready = groups.filter(({ group }) => group.readyCount > 0);
  if (ready.some(({ group, pool }) => group.freeSlots > 0 && !isFull(pool))) {
    return {
      code: "starting",
      sentence: "an agent is free: it is about to be offered",
      unblock: "nothing: it starts within a moment",
      isStuck: false,
    };
  }
  const [full] = [...ready.map(({ pool }) => pool), ...scaled];
  const notFull = ready.filter(({ pool }) => !isFull(pool));
  const growing = scaled.filter((pool) => !isFull(pool));
  if (full !== undefined && notFull.length === 0 && growing.length === 0) return waitForPoolLimit(full);
  return decideComing(growing) ?? decideFailing(growing) ?? decideBusy(notFull) ?? decideAway(job, groups, growing);
}

function waitForPoolLimit({ name, jobsMax, jobsOpenCount }: FleetPool): WaitReason {
  const max = jobsMax ?? 0;
  return {
    code: "quota",
    sentence: `${jobsOpenCount} of at most ${countOf(max, "job")} of the pool ${name} run`,
    unblock: `one of them has to end; or raise the limit: windrow pool set ${name} --jobs-max ${max + 1}`,
    isStuck: false,
  };
}

function decideComing(scaled: readonly FleetPool[]): WaitReason | undefined {
  const coming = scaled.filter((pool) => (pool.scaling?.comingCount ?? 0) > 0);
  if (coming.length === 0) return undefined;
  const count = coming.reduce((sum, { scaling }) => sum + (scaling?.comingCount ?? 0), 0);
  const forMs = Math.max(...coming.map(({ scaling }) => scaling?.comingForMs ?? 0));
  return {
    code: "scaling_up",
    sentence: `${countOf(count, "agent")} ${count === 1 ? "is" : "are"} being made for ${namePools(coming)}, since ${formatWait(forMs)}`,
    unblock: "nothing: it starts when one of them has joined",
    isStuck: false,
  };
}

function decideFailing(scaled: readonly FleetPool[]): WaitReason | undefined {
  for (const { name, scaling } of scaled) {
    const failure = scaling?.failure ?? null;
    // a pool that may have none asks its provider for nothing
    if (failure === null || scaling?.agentsMax === 0) continue;
    const next = failure.retryInMs === null ? "" : `; tried again in ${formatWait(failure.retryInMs)}`;
    return {
      code: "provider_failed",
      sentence: `no agent could be made for the pool ${name}: ${failure.error}${next}`,
      unblock: `repair the provider, see: windrow pool view ${name}; it is tried again by itself`,
      isStuck: false,
    };
  }
  return undefined;
}

function decideBusy(ready: Capacity["groups"]): WaitReason | undefined {
  if (ready.length === 0) return undefined;
  const agents = ready.reduce((sum, { group }) => sum + group.readyCount, 0);
  const slots = ready.reduce((sum, { group }) => sum + group.slots, 0);
  const where = namePools(ready.map(({ pool }) => pool));
  return {
    code: "all_busy",
    sentence:
      agents === 1 && slots === 1
        ? `the one agent that could run it is busy (${where})`
        : `all ${countOf(slots, "slot")} of the ${countOf(agents, "agent")} that could run it are busy (${where})`,
    unblock: "a job that runs there has to end; or join another agent with its labels",
    isStuck: false,
  };
}

/** No agent with its labels takes work: none is there, it drains, or it is not connected. */
function decideAway(job: WaitingJob, groups: Capacity["groups"], scaled: readonly FleetPool[]): WaitReason {
  const labels = nameLabels(job.labels);
  const growable = scaled.find(({ scaling }) => scaling !== null && scaling.machinesCount < scaling.agentsMax);
  if (growable !== undefined) {
    return {
      code: "no_agent_matches",
      sentence: `no agent has ${labels} now; the pool ${growable.name} makes one when it is its turn (${growable.scaling?.machinesCount ?? 0} of at most ${growable.scaling?.agentsMax ?? 0})`,
      unblock: "nothing: one is made; or join an agent with its labels",
      isStuck: false,
    };
  }
  const draining = groups.reduce((sum, { group }) => sum + group.drainingCount, 0);
  const offline = groups.reduce((sum, { group }) => sum + group.offlineCount, 0);
  const offlineToo =
    offline === 0 ? "" : `, and ${countOf(offline, "other")} ${offline === 1 ? "is" : "are"} not connected`;
  if (draining > 0) {
    const example = groups.find(({ group }) => group.draining !== null)?.group.draining;
    const why = example?.reason === null || example?.reason === undefined ? "" : `: ${example.reason}`;
    return {
      code: "agent_draining",
      sentence:
        draining === 1
          ? `the one agent with ${labels}, ${example?.name ?? ""}, takes nothing new${why}${offlineToo}`
          : `all ${draining} agents with ${labels} take nothing new (${example?.name ?? ""}${why})${offlineToo}`,
      unblock:
        example?.isUnfit === true
          ? `make its machine fit, or change what the pool asks: windrow agent view ${example.name}; or join another with its labels`
          : `let one take work again: windrow agent resume ${example?.name ?? ""}; or join another with its labels`,
      isStuck: true,
    };
  }
  if (offline > 0) {
    const example = groups.find(({ group }) => group.offline !== null)?.group.offline;
    const seen =
      example?.seenAgoMs === null || example?.seenAgoMs === undefined
        ? "was never connected"
        : `was seen ${formatWait(example.seenAgoMs)} ago`;
    return {
      code: "agents_offline",
      sentence:
        offline === 1
          ? `the one agent with ${labels}, ${example?.name ?? ""}, is not connected: it ${seen}`
          : `none of the ${offline} agents with ${labels} is connected (${example?.name ?? ""} ${seen})`,
      unblock: "start one of them again (windrow agent run on its machine), or join another with its labels",
      isStuck: false,
    };
  }
  return waitForScale(job, scaled);
}

/** Only pools that may not grow could run it. */
function waitForScale(job: WaitingJob, scaled: readonly FleetPool[]): WaitReason {
  const labels = nameLabels(job.labels);
  const [pool] = scaled;
  const max = pool?.scaling?.agentsMax ?? 0;
  const sentences = {
    none: `no agent has ${labels} now`,
    zero: `no agent has ${labels}, and the pool ${pool?.name ?? ""} is scaled to 0`,
    full: `no agent has ${labels} now, and the pool ${pool?.name ?? ""} has all ${countOf(max, "machine")} that it may have`,
  };
  return {
    code: "no_agent_matches",
    sentence: sentences[pool === undefined ? "none" : max === 0 ? "zero" : "full"],
    unblock:
      pool === undefined
        ? "join an agent with its labels"
        : `let the pool have more: windrow pool scale ${pool.name} --max ${max + 1}; or join an agent with its labels`,
    isStuck: pool !== undefined && max === 0,
  };
}

function namePools(pools: readonly FleetPool[]): string {
  const names = [...new Set(pools.map((pool) => pool.name))];
  return `pool${names.length === 1 ? "" : "s"} ${joinAnd(names)}`;
}
