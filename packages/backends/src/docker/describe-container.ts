import { CONTAINER_CAPABILITIES, type ContainerOptions, type JobLimits } from "@windrow/model";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import type { ContainerSpec } from "./container-engine.ts";
import { type ContainerRole, LABEL_NAME, LABEL_ROLE, labelsOf, type Owner } from "./labels.ts";
import type { PublishedPort } from "./read-ports.ts";

export interface ContainerDescription {
  readonly owner: Owner;
  readonly role: ContainerRole;
  /** Of a service or a step. */
  readonly name: string;
  /** As the engine numbers it. */
  readonly image: string;
  readonly spec: Pick<ContainerSpec, "env" | "entrypoint" | "command" | "cwd">;
  readonly options: ContainerOptions;
  readonly mounts: readonly Docker.MountSettings[];
  readonly limits: Pick<JobLimits, "memoryBytes" | "processesMax">;
  /** The engine's name of a network, `host`, or `container:ID`. */
  readonly network: string;
  readonly aliases?: readonly string[];
  readonly ports?: readonly PublishedPort[];
}

/** Enough for large builds, and an end to what forks without one. */
export const PROCESSES_MAX = 8_192;
const NS_PER_MS = 1_000_000;
/** A step's whole log has to be there until it was read. */
const STEP_LOG_BYTES = "1000g";
const OTHER_LOG_BYTES = "16m";

/** The engine's words for a container. Nothing of it passes a shell, and nothing is in it that was not read before. */
export function describeContainer(description: ContainerDescription): Docker.ContainerCreateOptions {
  const { owner, role, name, image, spec, options, network } = description;
  const ownsNetwork = !network.startsWith("container:") && network !== "host";
  const env = Object.entries({ ...options.env, ...spec.env });
  const wrong = env.find(([key, value]) => key === "" || /[=\0]/.test(key) || value.includes("\0"));
  if (wrong !== undefined) {
    throw new BackendFault("container_refused", `no container can have the variable ${JSON.stringify(wrong[0])}`);
  }
  const entrypoint = spec.entrypoint ?? (options.entrypoint === undefined ? undefined : [options.entrypoint]);
  const cwd = spec.cwd ?? options.cwd;
  const hostname = options.hostname ?? (role === "service" ? name.slice(0, 63) : undefined);
  return {
    Image: image,
    Labels: { ...options.labels, ...labelsOf(owner), [LABEL_ROLE]: role, [LABEL_NAME]: name },
    Env: env.map(([key, value]) => `${key}=${value}`),
    Tty: false,
    ...(entrypoint !== undefined && { Entrypoint: [...entrypoint] }),
    ...(spec.command !== undefined && { Cmd: [...spec.command] }),
    ...(cwd !== undefined && { WorkingDir: cwd }),
    ...(options.user !== undefined && { User: options.user }),
    ...(ownsNetwork && hostname !== undefined && { Hostname: hostname }),
    ...(ownsNetwork && options.domainname !== undefined && { Domainname: options.domainname }),
    ...(options.health !== undefined && { Healthcheck: describeHealth(options.health) }),
    ...describePorts(description.ports ?? []),
    HostConfig: describeHost(description, ownsNetwork),
    ...(ownsNetwork && {
      NetworkingConfig: {
        EndpointsConfig: { [network]: { Aliases: [...(description.aliases ?? []), ...options.aliases] } },
      },
    }),
  };
}

function describeHost(description: ContainerDescription, ownsNetwork: boolean): Docker.HostConfig {
  const { options, limits, mounts, network, role } = description;
  const memory = smallest(limits.memoryBytes, options.memoryBytes);
  // no swap beyond it, or the limit would be none
  const swap = limits.memoryBytes === undefined ? options.memorySwapBytes : memory;
  const { isPrivileged, hostNamespaces } = options;
  return {
    NetworkMode: network,
    RestartPolicy: { Name: "no" },
    Privileged: isPrivileged,
    ...(!isPrivileged && { CapDrop: ["ALL"], CapAdd: keptCapabilities(options), SecurityOpt: ["no-new-privileges"] }),
    PidsLimit: smallest(limits.processesMax, options.processesMax) ?? PROCESSES_MAX,
    LogConfig: {
      Type: "local",
      Config: { "max-size": role === "step" ? STEP_LOG_BYTES : OTHER_LOG_BYTES, "max-file": "1", compress: "false" },
    },
    Mounts: [...mounts],
    ReadonlyRootfs: options.isReadOnly,
    ...(hostNamespaces.includes("pid") && { PidMode: "host" }),
    IpcMode: hostNamespaces.includes("ipc") ? "host" : "private",
    ...(memory !== undefined && { Memory: memory }),
    ...(swap !== undefined && { MemorySwap: swap }),
    ...(options.memoryReservationBytes !== undefined && { MemoryReservation: options.memoryReservationBytes }),
    ...(options.cpus !== undefined && { NanoCpus: Math.round(options.cpus * 1e9) }),
    ...(options.cpuShares !== undefined && { CpuShares: options.cpuShares }),
    ...(options.cpuSet !== undefined && { CpusetCpus: options.cpuSet }),
    ...(options.shmBytes !== undefined && { ShmSize: options.shmBytes }),
    ...(options.hasInit && { Init: true }),
    ...(options.groups.length > 0 && { GroupAdd: [...options.groups] }),
    ...(options.ulimits.length > 0 && {
      Ulimits: options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    }),
    ...(Object.keys(options.tmpfs).length > 0 && { Tmpfs: { ...options.tmpfs } }),
    ...(options.devices.length > 0 && { Devices: options.devices.map(describeDevice) }),
    ...(ownsNetwork &&
      options.extraHosts.length > 0 && { ExtraHosts: options.extraHosts.map((one) => one.replace("=", ":")) }),
    ...(ownsNetwork && options.dns.length > 0 && { Dns: [...options.dns] }),
    ...describeBindings(description.ports ?? []),
  };
}

function keptCapabilities({ capDrop, capAdd }: ContainerOptions): string[] {
  const kept = capDrop.includes("ALL") ? [] : CONTAINER_CAPABILITIES.filter((one) => !capDrop.includes(one));
  return [...new Set([...kept, ...capAdd])].sort();
}

function describeHealth(health: NonNullable<ContainerOptions["health"]>): Docker.HealthConfig {
  if (health === "none") return { Test: ["NONE"] };
  const { command, intervalMs, timeoutMs, startPeriodMs, retries } = health;
  return {
    ...(command !== undefined && { Test: ["CMD-SHELL", command] }),
    ...(intervalMs !== undefined && { Interval: intervalMs * NS_PER_MS }),
    ...(timeoutMs !== undefined && { Timeout: timeoutMs * NS_PER_MS }),
    ...(startPeriodMs !== undefined && { StartPeriod: startPeriodMs * NS_PER_MS }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function describePorts(ports: readonly PublishedPort[]): Pick<Docker.ContainerCreateOptions, "ExposedPorts"> {
  if (ports.length === 0) return {};
  return { ExposedPorts: Object.fromEntries(ports.map(({ inside }) => [inside, {}])) };
}

/** On the machine's own loopback whatever a workflow writes: others on its network are not to reach them. */
function describeBindings(ports: readonly PublishedPort[]): Pick<Docker.HostConfig, "PortBindings"> {
  if (ports.length === 0) return {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { inside, outside } of ports) {
    bindings[inside] = [...(bindings[inside] ?? []), { HostIp: "127.0.0.1", HostPort: outside }];
  }
  return { PortBindings: bindings };
}

function describeDevice(text: string): { PathOnHost: string; PathInContainer: string; CgroupPermissions: string } {
  const [outside = "", second, third] = text.split(":");
  const inside = second?.startsWith("/") === true ? second : outside;
  const permissions = second?.startsWith("/") === true ? third : second;
  return { PathOnHost: outside, PathInContainer: inside, CgroupPermissions: permissions ?? "rwm" };
}

function smallest(...limits: readonly (number | undefined)[]): number | undefined {
  const set = limits.filter((one) => one !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}
