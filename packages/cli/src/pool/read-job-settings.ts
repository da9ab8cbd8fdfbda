import type { ChangeJobSettings } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import { readBytes } from "../output/bytes.ts";
import { countOrNone } from "./read-numbers.ts";

/** Options of how a pool's jobs run. */
export interface JobSettingsOptions {
  readonly confinement?: "host" | "sandbox" | "default";
  readonly egress?: "all" | "none" | "allow";
  readonly egressHosts?: string;
  readonly farmAccess?: "on" | "off";
  readonly containers?: "on" | "off";
  readonly containerAllow?: string;
  readonly jobMemory?: string;
  readonly jobProcesses?: string;
  readonly jobDisk?: string;
  readonly jobLog?: string;
}

const HOST_NAMESPACES = ["network", "pid", "ipc"] as const;
const ALLOW_EXAMPLE = "For example: --container-allow cap:NET_ADMIN,device:/dev/fuse,volume:/srv/cache,network:host";

/** Options → what is to change of how the pool's jobs run; undefined when nothing is. Errors: CliError `usage`. */
export function readJobSettings(options: JobSettingsOptions): ChangeJobSettings | undefined {
  const { confinement, farmAccess, containers, containerAllow, jobMemory, jobProcesses, jobDisk, jobLog } = options;
  const egress = readEgress(options);
  const change: ChangeJobSettings = {
    ...(confinement === undefined ? {} : { confinement: confinement === "default" ? null : confinement }),
    ...(egress === undefined ? {} : { egress }),
    ...(farmAccess === undefined ? {} : { farm_access: farmAccess === "on" }),
    ...(containers === undefined ? {} : { containers_allowed: containers === "on" }),
    ...(containerAllow === undefined ? {} : { containers: readAllowances(containerAllow) }),
    ...(jobMemory === undefined ? {} : { memory_bytes: bytesOrNone("--job-memory", jobMemory) }),
    ...(jobProcesses === undefined ? {} : { processes_max: countOrNone("--job-processes", jobProcesses) }),
    ...(jobDisk === undefined ? {} : { disk_bytes: bytesOrNone("--job-disk", jobDisk) }),
    ...(jobLog === undefined ? {} : { log_bytes: bytesOrNone("--job-log", jobLog) }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

function readEgress({ egress, egressHosts }: JobSettingsOptions): ChangeJobSettings["egress"] {
  if (egressHosts !== undefined && egress !== undefined && egress !== "allow") {
    throw usageError("--egress-hosts is for --egress allow");
  }
  if (egress === "allow" && egressHosts === undefined) {
    throw usageError(
      "--egress allow needs --egress-hosts",
      "For example: --egress-hosts registry.npmjs.org,*.example.com:8443",
    );
  }
  if (egressHosts !== undefined) return { kind: "allow", hosts: splitWords(egressHosts) };
  return egress === undefined || egress === "allow" ? undefined : { kind: egress };
}

function readAllowances(text: string): NonNullable<ChangeJobSettings["containers"]> {
  const allowed = {
    privileged: false,
    capabilities: [] as string[],
    devices: [] as string[],
    volumes: [] as string[],
    host_namespaces: [] as (typeof HOST_NAMESPACES)[number][],
  };
  for (const word of text === "none" ? [] : splitWords(text)) {
    const at = word.indexOf(":");
    const kind = at === -1 ? word : word.slice(0, at);
    const value = at === -1 ? "" : word.slice(at + 1);
    const namespace = HOST_NAMESPACES.find((one) => one === kind);
    if (word === "privileged") allowed.privileged = true;
    else if (kind === "cap" && value !== "") allowed.capabilities.push(value);
    else if (kind === "device" && value !== "") allowed.devices.push(value);
    else if (kind === "volume" && value !== "") allowed.volumes.push(value);
    else if (namespace !== undefined && value === "host") allowed.host_namespaces.push(namespace);
    else throw usageError(`--container-allow: ${JSON.stringify(word)} is nothing that can be allowed`, ALLOW_EXAMPLE);
  }
  return allowed;
}

function bytesOrNone(flag: string, text: string): number | null {
  if (text === "none") return null;
  const bytes = readBytes(text);
  if (bytes === undefined) throw usageError(`${flag} takes an amount, or none`, `For example: ${flag} 4GiB`);
  return bytes;
}

const splitWords = (text: string): string[] =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
