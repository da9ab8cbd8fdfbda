import { nearestWord } from "./nearest-word.ts";
import { countAgents, type Fleet, hasLabels, type WaitingJob } from "./wait-facts.ts";
import type { WaitReason } from "./wait-reason.ts";
import { joinAnd, nameLabels } from "./wait-words.ts";

/** Why nobody there is, or could be made, may ever run a job with these labels. */
export function decideNoCapacityReason(job: WaitingJob, fleet: Fleet): WaitReason {
  const labelLists = [
    ...fleet.agentGroups.map((group) => group.labels),
    ...fleet.pools.flatMap((pool) => pool.scaling?.labelSets ?? []),
  ];
  const stuck = (sentence: string, unblock: string): WaitReason => ({
    code: "no_capacity_ever",
    sentence,
    unblock,
    isStuck: true,
  });
  const change = `change runs-on of job '${job.key}' in ${job.workflowPath}`;
  if (labelLists.some((labels) => hasLabels(labels, job.labels))) {
    return stuck(
      `its run is not trusted, and no pool with ${nameLabels(job.labels)} takes such work`,
      "let a pool take it: windrow pool set POOL --untrusted; or have the change pushed by somebody who may",
    );
  }
  const known = new Set(labelLists.flat());
  const missing = job.labels.filter((label) => !known.has(label));
  const count = countAgents(fleet);
  const agents = count === 0 ? "the farm has no agent yet" : `0 of ${count}`;
  if (missing.length === 0) {
    return stuck(
      `no agent has all of ${nameLabels(job.labels)} at once: ${agents}`,
      `join an agent that has them all, or ${change}`,
    );
  }
  if (missing.length === 1 && missing[0] === "docker") {
    return stuck(
      `it has containers, and no agent has a Docker engine: ${agents}`,
      `start an engine on an agent's machine, where the agent runs as root (windrow doctor looks at it), or do without container, services and docker:// in job '${job.key}' of ${job.workflowPath}`,
    );
  }
  const fitting = fleet.pools.filter((one) => hasLabels(one.labels, job.labels));
  // a label that many pools have says nothing of which one is meant
  const pool = fitting.length === 1 ? fitting[0] : fitting.find((one) => job.labels.includes(one.name));
  if (pool !== undefined) {
    return stuck(
      `no agent has ${nameLabels(missing)}: ${agents}; those of the pool ${pool.name} would, but it has none`,
      `join an agent to it (windrow token create --join --pool ${pool.name}), let agents be made for it (windrow pool scale ${pool.name} --max 1 --provider process), or ${change}`,
    );
  }
  const words = new Set([...known, ...fleet.pools.flatMap((one) => one.labels)]);
  const meant = missing.flatMap((label) => {
    const near = words.has(label) ? undefined : nearestWord(label, words);
    return near === undefined ? [] : [`did you mean ${near} instead of ${label}?`];
  });
  return stuck(
    [`no agent has ${nameLabels(missing)}: ${agents}`, ...meant].join("; "),
    `join an agent with ${missing.length === 1 ? "it" : joinAnd(missing)}, or ${change}`,
  );
}
