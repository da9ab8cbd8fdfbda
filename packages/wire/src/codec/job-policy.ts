import {
  CONFINEMENTS,
  CONTAINER_ALLOWANCES_MAX,
  type ContainerAllowances,
  EGRESS_HOSTS_MAX,
  EGRESS_KINDS,
  type EgressPolicy,
  HOST_NAMESPACES,
  JOB_POLICY_DEFAULT,
  type JobLimits,
  type JobPolicy,
} from "@windrow/model";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";
import type { Packed } from "./proto-message.ts";

export const packJobPolicy = (policy: JobPolicy): Packed => ({
  confinement: policy.confinement ?? "",
  egress: policy.egress.kind,
  egressHosts: policy.egress.kind === "allow" ? policy.egress.hosts : [],
  farmAccess: policy.farmAccess,
  containersAllowed: policy.containersAllowed,
  containers: {
    privileged: policy.containers.isPrivileged,
    capabilities: policy.containers.capabilities,
    devices: policy.containers.devices,
    volumes: policy.containers.volumes,
    hostNamespaces: policy.containers.hostNamespaces,
  },
  memoryBytes: policy.limits.memoryBytes ?? 0,
  processesMax: policy.limits.processesMax ?? 0,
  diskBytes: policy.limits.diskBytes ?? 0,
  logBytes: policy.limits.logBytes ?? 0,
});

export const unpackJobPolicy = (fields: Fields): JobPolicy => ({
  ...(fields.text("confinement") !== "" && { confinement: fields.word("confinement", CONFINEMENTS) }),
  egress: unpackEgress(fields),
  farmAccess: fields.flag("farmAccess"),
  containersAllowed: fields.flag("containersAllowed"),
  containers: unpackAllowances(fields.message("containers")),
  limits: unpackLimits(fields),
});

/** Controllers of the versions before say nothing: as by default. */
export const unpackOptionalPolicy = (fields: Fields, name: string): JobPolicy =>
  fields.has(name) ? unpackJobPolicy(fields.message(name)) : JOB_POLICY_DEFAULT;

function unpackEgress(fields: Fields): EgressPolicy {
  const kind = fields.word("egress", EGRESS_KINDS);
  return kind === "allow"
    ? { kind, hosts: boundedTexts(fields, { name: "egressHosts", max: EGRESS_HOSTS_MAX }) }
    : { kind };
}

const unpackAllowances = (fields: Fields): ContainerAllowances => {
  const texts = (name: string) => boundedTexts(fields, { name, max: CONTAINER_ALLOWANCES_MAX });
  return {
    isPrivileged: fields.flag("privileged"),
    capabilities: texts("capabilities"),
    devices: texts("devices"),
    volumes: texts("volumes"),
    hostNamespaces: texts("hostNamespaces").map(
      (word) => HOST_NAMESPACES.find((one) => one === word) ?? fields.fail("hostNamespaces", "holds an unknown word"),
    ),
  };
};

const unpackLimits = (fields: Fields): JobLimits => ({
  ...present("memoryBytes", fields.integer("memoryBytes") || undefined),
  ...present("processesMax", fields.integer("processesMax") || undefined),
  ...present("diskBytes", fields.integer("diskBytes") || undefined),
  ...present("logBytes", fields.integer("logBytes") || undefined),
});

function boundedTexts(fields: Fields, { name, max }: { readonly name: string; readonly max: number }): string[] {
  const texts = fields.texts(name);
  return texts.length <= max ? texts : fields.fail(name, `has more than ${max} entries`);
}
