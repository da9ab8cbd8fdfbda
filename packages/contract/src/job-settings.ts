import {
  CONFINEMENTS,
  CONTAINER_ALLOWANCES_DEFAULT,
  CONTAINER_ALLOWANCES_MAX,
  EGRESS_HOST_CHARS_MAX,
  EGRESS_HOSTS_MAX,
  HOST_NAMESPACES,
  type JobPolicy,
  type PoolJobSettings,
} from "@windrow/model";
import * as z from "zod";

const MEBIBYTE = 1024 * 1024;
const JOB_MEMORY_BYTES_MIN = 16 * MEBIBYTE;
const JOB_DISK_BYTES_MIN = 64 * MEBIBYTE;
const JOB_LOG_BYTES_MIN = MEBIBYTE;
const JOB_BYTES_MAX = 2 ** 50;
const JOB_PROCESSES_MIN = 16;
const JOB_PROCESSES_MAX = 4_194_304;
const PATH_CHARS_MAX = 4_096;

const HOST =
  /^(?:\*\.)?(?=.{1,253}(?::\d+)?$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*(?::(\d{1,5}))?$/;
const ADDRESS6 = /^(?:[0-9a-f:.]{2,45}|\[[0-9a-f:.]{2,45}\](?::(\d{1,5}))?)$/;
const PORT_MAX = 65_535;

const hostSchema = z
  .string()
  .min(1)
  .max(EGRESS_HOST_CHARS_MAX)
  .refine(isHost, { error: "a host name, *.name or an address, with :port if it is neither 80 nor 443" });

const egressSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({
    kind: z.literal("allow"),
    hosts: z.array(hostSchema).max(EGRESS_HOSTS_MAX).describe("`name`, `*.name` or an address, each with `:port`."),
  }),
]);

const pathSchema = z
  .string()
  .max(PATH_CHARS_MAX)
  .refine(isPlainPath, { error: "an absolute path without .., // or :" });
const listOf = <T extends z.ZodType>(item: T) => z.array(item).max(CONTAINER_ALLOWANCES_MAX);

const allowancesSchema = z.strictObject({
  privileged: z.boolean().default(false).describe("`--privileged`: such a job has the whole machine."),
  capabilities: listOf(
    z
      .string()
      .max(50)
      .refine((text) => /^[A-Za-z][A-Za-z0-9_]*$/.test(text), { error: "the name of a capability, such as NET_ADMIN" }),
  )
    .default([])
    .describe("`--cap-add` of these."),
  devices: listOf(pathSchema.refine((path) => path.startsWith("/dev/"), { error: "a device's path, below /dev" }))
    .default([])
    .describe("`--device` of these."),
  volumes: listOf(pathSchema)
    .default([])
    .describe("Folders and files of the machine that volumes may name, with all below."),
  host_namespaces: z.array(z.enum(HOST_NAMESPACES)).max(HOST_NAMESPACES.length).default([]),
});

const settings = {
  confinement: z.enum(CONFINEMENTS).describe("Steps are processes of the machine, or stand in a sandbox."),
  egress: egressSchema.describe("What sandboxed and containerised jobs reach of the outside."),
  farm_access: z.boolean().describe("Such jobs reach the farm's own servers and the agent's machine."),
  containers_allowed: z.boolean().describe("Jobs may have containers."),
  containers: allowancesSchema.describe("What containers of jobs may be given beyond what every one may."),
  memory_bytes: z.int().min(JOB_MEMORY_BYTES_MIN).max(JOB_BYTES_MAX).describe("One job has at most so much memory."),
  processes_max: z.int().min(JOB_PROCESSES_MIN).max(JOB_PROCESSES_MAX),
  disk_bytes: z.int().min(JOB_DISK_BYTES_MIN).max(JOB_BYTES_MAX).describe("Of its work folder."),
  log_bytes: z
    .int()
    .min(JOB_LOG_BYTES_MIN)
    .max(JOB_BYTES_MAX)
    .describe("Stored of its log; beyond it only the last 64 KiB of each step. 512 MiB when not set."),
};
type Name = keyof typeof settings;

/** What holds for the jobs of a pool. */
export const jobPolicySchema = z
  .object({
    ...settings,
    confinement: settings.confinement.nullable().describe("Null: as each agent was started."),
    memory_bytes: z.int().nullable(),
    processes_max: z.int().nullable(),
    disk_bytes: z.int().nullable(),
    log_bytes: z.int().nullable(),
  })
  .meta({ id: "JobPolicy" });
export type JobPolicyJson = z.infer<typeof jobPolicySchema>;

/** Fields that are left out stay as they are; null is as by default. */
export const changeJobSettingsSchema = z.strictObject({
  confinement: settings.confinement.nullable().optional(),
  egress: settings.egress.nullable().optional(),
  farm_access: settings.farm_access.nullable().optional(),
  containers_allowed: settings.containers_allowed.nullable().optional(),
  containers: settings.containers.nullable().optional(),
  memory_bytes: settings.memory_bytes.nullable().optional(),
  processes_max: settings.processes_max.nullable().optional(),
  disk_bytes: settings.disk_bytes.nullable().optional(),
  log_bytes: settings.log_bytes.nullable().optional(),
} satisfies Record<Name, z.ZodType>);
export type ChangeJobSettings = z.infer<typeof changeJobSettingsSchema>;

/** As the API shows it. */
export function encodeJobPolicy(policy: JobPolicy): JobPolicyJson {
  const { confinement, egress, containers, limits } = policy;
  return {
    confinement: confinement ?? null,
    egress: egress.kind === "allow" ? { kind: "allow", hosts: [...egress.hosts] } : egress,
    farm_access: policy.farmAccess,
    containers_allowed: policy.containersAllowed,
    containers: {
      privileged: containers.isPrivileged,
      capabilities: [...containers.capabilities],
      devices: [...containers.devices],
      volumes: [...containers.volumes],
      host_namespaces: [...containers.hostNamespaces],
    },
    memory_bytes: limits.memoryBytes ?? null,
    processes_max: limits.processesMax ?? null,
    disk_bytes: limits.diskBytes ?? null,
    log_bytes: limits.logBytes ?? null,
  };
}

/** The settings after a change of some of them; null when all is as by default. */
export function changeJobSettings(
  change: ChangeJobSettings | null,
  before: PoolJobSettings | null,
): PoolJobSettings | null {
  if (change === null) return null;
  const { containers, egress } = change;
  const had = before ?? {};
  const limits = dropAbsent({
    memoryBytes: pick(change.memory_bytes, had.limits?.memoryBytes),
    processesMax: pick(change.processes_max, had.limits?.processesMax),
    diskBytes: pick(change.disk_bytes, had.limits?.diskBytes),
    logBytes: pick(change.log_bytes, had.limits?.logBytes),
  });
  const after: PoolJobSettings = dropAbsent({
    confinement: pick(change.confinement, had.confinement),
    egress: pick(egress?.kind === "allow" ? lowerHosts(egress) : egress, had.egress),
    farmAccess: pick(change.farm_access, had.farmAccess),
    containersAllowed: pick(change.containers_allowed, had.containersAllowed),
    containers: pick(
      containers === undefined || containers === null ? containers : decodeAllowances(containers),
      had.containers,
    ),
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
  return Object.keys(after).length === 0 ? null : after;
}

const decodeAllowances = (json: z.infer<typeof allowancesSchema>) => ({
  ...CONTAINER_ALLOWANCES_DEFAULT,
  isPrivileged: json.privileged,
  capabilities: [...new Set(json.capabilities.map((name) => name.toUpperCase().replace(/^CAP_/, "")))],
  devices: [...new Set(json.devices)],
  volumes: [...new Set(json.volumes)],
  hostNamespaces: [...new Set(json.host_namespaces)],
});

const lowerHosts = (egress: { readonly kind: "allow"; readonly hosts: readonly string[] }) => ({
  ...egress,
  hosts: egress.hosts.map((host) => host.toLowerCase()),
});

/** Left out: as it was; null: as by default. */
const pick = <T>(change: T | null | undefined, before: T | undefined): T | undefined =>
  change === undefined ? before : (change ?? undefined);

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function dropAbsent<T extends object>(record: T): Present<T> {
  const kept: Present<T> = {};
  for (const name in record) {
    const value = record[name];
    if (value !== undefined) Object.assign(kept, { [name]: value });
  }
  return kept;
}

function isHost(text: string): boolean {
  const host = text.toLowerCase();
  const found = HOST.exec(host) ?? ADDRESS6.exec(host);
  if (found === null) return false;
  const port = found[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= PORT_MAX);
}

function isPlainPath(path: string): boolean {
  return /^(?:\/[^/:\0]+)+$/.test(path) && !path.split("/").some((part) => part === ".." || part === ".");
}
