import type { JobPolicyJson } from "@windrow/contract";
import { formatBytes } from "../output/bytes.ts";
import type { Fact } from "../output/facts.ts";

/** How a pool's jobs run, in words. */
export function describeJobs(policy: JobPolicyJson): Fact[] {
  return [
    ["jobs run", describeConfinement(policy)],
    ["outside", describeOutside(policy)],
    ["limits", describeLimits(policy)],
    ["images", describeContainers(policy)],
  ];
}

function describeConfinement({ confinement }: JobPolicyJson): string {
  switch (confinement) {
    case null:
      return "as each agent was started: on the machine, or in a sandbox";
    case "host":
      return "as processes of the agent's machine";
    case "sandbox":
      return "in a sandbox";
  }
}

function describeOutside({ egress, farm_access: farmAccess, confinement }: JobPolicyJson): string {
  const reach = farmAccess ? "and the farm's own servers" : "but not the farm's own servers";
  const who = confinement === "host" ? "jobs in containers" : "jobs in a sandbox or in containers";
  switch (egress.kind) {
    case "all":
      return `${who} reach everything ${reach}`;
    case "none":
      return `${who} reach nothing${farmAccess ? " but the farm's own servers" : ""}`;
    case "allow":
      return egress.hosts.length === 0
        ? `${who} reach nothing, since no host is allowed`
        : `${who} reach ${egress.hosts.join(", ")}${farmAccess ? " and the farm's own servers" : ""}`;
  }
}

function describeLimits(policy: JobPolicyJson): string {
  const limits = [
    ...(policy.memory_bytes === null ? [] : [`${formatBytes(policy.memory_bytes)} of memory`]),
    ...(policy.processes_max === null ? [] : [`${policy.processes_max} processes`]),
    ...(policy.disk_bytes === null ? [] : [`${formatBytes(policy.disk_bytes)} of disk`]),
    ...(policy.log_bytes === null ? [] : [`${formatBytes(policy.log_bytes)} of log`]),
  ];
  return limits.length === 0 ? "none for one job" : `${limits.join(", ")} for one job`;
}

function describeContainers({ containers_allowed: isAllowed, containers }: JobPolicyJson): string {
  if (!isAllowed) return "jobs with containers are refused";
  const more = [
    ...(containers.privileged ? ["privileged"] : []),
    ...containers.capabilities,
    ...containers.devices,
    ...containers.volumes,
    ...containers.host_namespaces.map((name) => `the machine's ${name}`),
  ];
  return more.length === 0 ? "jobs may have containers" : `jobs may have containers, also with: ${more.join(", ")}`;
}
