import { BackendFault, type JobHandle, type OpenJobOptions } from "@windrow/backends";
import type { JobPolicy } from "@windrow/model";
import type { JobNetwork, JobNetworks } from "../network/job-network.ts";
import type { JobMachine, RunJobOptions } from "./job-options.ts";

/** How the supervisor of a job is opened under a policy; the same answer for the same policy. */
export function confine(
  { confinement: own, networks }: Pick<JobMachine, "confinement" | "networks">,
  policy: JobPolicy,
): Pick<OpenJobOptions, "confinement" | "network" | "limits"> {
  const confinement = policy.confinement ?? own;
  const { memoryBytes, processesMax } = policy.limits;
  const limits = {
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(processesMax !== undefined && { processesMax }),
  };
  const isOwn = confinement === "sandbox" && wantsOwnNetwork(policy) && canHaveNetwork(networks);
  return { ...(confinement !== undefined && { confinement }), network: isOwn ? "own" : "machine", limits };
}

const wantsOwnNetwork = ({ farmAccess, egress }: JobPolicy): boolean => !(farmAccess && egress.kind === "all");
const canHaveNetwork = (networks: JobMachine["networks"]): boolean =>
  networks?.problem === undefined && networks !== undefined;

/** Why no container can be kept from what the pool keeps its jobs from, in a sentence. */
export function whatWallLacks({
  machine,
  policy,
}: {
  readonly machine: { readonly networks: Pick<JobNetworks, "problem"> | undefined };
  readonly policy: JobPolicy;
}): string | undefined {
  const problem = machine.networks?.problem;
  if (problem === undefined || !wantsOwnNetwork(policy)) return undefined;
  return `the job's pool limits what containers reach, which cannot be done here: ${problem}`;
}

/** What of the policy this agent cannot do for a sandboxed job, in a sentence. */
export function whatNetworkLacks({ machine, policy }: Pick<RunJobOptions, "machine" | "policy">): string | undefined {
  const confinement = policy.confinement ?? machine.confinement;
  if (confinement !== "sandbox" || !wantsOwnNetwork(policy) || canHaveNetwork(machine.networks)) return undefined;
  return machine.networks?.problem ?? "this agent gives jobs no network of their own";
}

/** Offers a sandboxed job on its own loopback what it may reach. Undefined: it has the machine's network. */
export async function openSandboxNetwork(
  { machine, attempt, policy, logs }: RunJobOptions,
  handle: JobHandle,
  options: { readonly ports: readonly number[]; readonly signal: AbortSignal },
): Promise<JobNetwork | undefined> {
  const { networks } = machine;
  if (networks === undefined) throw new BackendFault("network_failed", "the job's own network cannot be opened again");
  const { attemptId } = attempt;
  const { egress, farmAccess } = policy;
  const own = { attemptId, pid: handle.supervisorPid, kind: "sandbox" as const, egress, farmAccess };
  return networks.open({ ...own, ...options, onRefused: (line) => logs.say(line) });
}
