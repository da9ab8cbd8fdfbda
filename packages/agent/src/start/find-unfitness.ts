import type { Confinement, JobPolicy } from "@windrow/model";
import type { JobNetworks } from "../network/job-network.ts";

/** What an agent can do for its jobs, as far as pools may ask for it. */
export interface AgentMeans {
  /** Where jobs run whose pool does not say where. */
  readonly confinement: Confinement;
  /** Why no job can be put into a sandbox here; undefined when they can. */
  readonly sandboxProblem: string | undefined;
  readonly networks: Pick<JobNetworks, "problem"> | undefined;
}

/** Why this agent cannot run jobs as the pool's policy says, with what could be done about it; undefined when it can. */
export function findUnfitness(policy: JobPolicy, means: AgentMeans, pool: string): string | undefined {
  const { sandboxProblem, networks } = means;
  const isPools = policy.confinement !== undefined;
  const confinement = policy.confinement ?? means.confinement;
  if (confinement === "host") return undefined;
  if (sandboxProblem !== undefined) {
    return `the pool ${pool} puts jobs into a sandbox, and this agent cannot: ${sandboxProblem}`;
  }
  if (policy.farmAccess && policy.egress.kind === "all") return undefined;
  const problem = networks === undefined ? "it makes none" : networks.problem;
  if (problem === undefined) return undefined;
  const by = isPools ? `the pool ${pool} puts jobs` : "this agent was started to put jobs";
  return (
    `${by} into a sandbox that is kept from the farm's own servers, and this agent can give a job no network of its own: ` +
    `${problem}; an admin can let jobs use the agent's network: windrow pool set ${pool} --farm-access on --egress all`
  );
}
