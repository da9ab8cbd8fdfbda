import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { hostname } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { hasCode } from "@windrow/service";
import { DISK_SETTINGS_DEFAULT, type DiskSettings } from "./disk/disk-levels.ts";
import { type DiskShare, parseDiskShare } from "./disk/disk-share.ts";
import type { LeaveRules } from "./leave-by-itself.ts";
import { ConfigError } from "./start/config-error.ts";

/** How the agent was told to run; only this file reads the environment. */
export interface AgentConfig {
  /** WINDROW_URL: where a controller serves HTTP; needed for joining and for git. Taken from the join when left out. */
  readonly controllerUrl: string | undefined;
  /** WINDROW_AGENT_DIR: everything the agent keeps; absolute. */
  readonly agentDir: string;
  /** WINDROW_AGENT_NAME: asked for at joining; the farm may give another one. */
  readonly name: string;
  /** WINDROW_AGENT_SLOTS: jobs at the same time, from 1 to SLOTS_MAX; what the farm says when left out. */
  readonly slotsCount: number | undefined;
  /** WINDROW_AGENT_LABELS: besides what is found on the machine. */
  readonly labels: readonly string[];
  /** WINDROW_JOIN_TOKEN, or what stands in WINDROW_JOIN_TOKEN_FILE: needed once. */
  readonly joinToken: string | undefined;
  /** WINDROW_AGENT_GRPC_ADDRESS: instead of what joining answered; several with commas. */
  readonly grpcAddresses: readonly string[] | undefined;
  /** WINDROW_AGENT_NATS_URL: instead of what the farm says; several with commas. */
  readonly natsUrls: readonly string[] | undefined;
  /** WINDROW_AGENT_BUNDLE: the folder of the installed version that this is; its launcher says it. */
  readonly bundleDir: string | undefined;
  /** WINDROW_AGENT_JOIN=only: join, if that was not done yet, and end. */
  readonly joinOnly: boolean;
  /** When it goes without being asked: WINDROW_AGENT_ONCE=1, WINDROW_AGENT_IDLE_TIMEOUT=10m, WINDROW_AGENT_MAX_UPTIME=8h. */
  readonly leave: LeaveRules;
  /** WINDROW_AGENT_CLEAR=1: end what an agent of this folder left behind, and nothing else. */
  readonly clearOnly: boolean;
  /** WINDROW_AGENT_BACKEND: `host` or `sandbox`; how steps run. */
  readonly backend: BackendKind;
  /** WINDROW_AGENT_DOCKER: the socket of the engine that makes containers of jobs, or `off`. */
  readonly dockerSocket: string | undefined;
  /** WINDROW_AGENT_SUBNET: the addresses of jobs' own networks, a network of 65,536 or fewer. */
  readonly jobSubnet: string | undefined;
  /** WINDROW_AGENT_READABLE: folders that sandboxed jobs may read besides the system's own, with colons. */
  readonly readableDirs: readonly string[];
  /** WINDROW_AGENT_CACHE_DISK: what caches may take together; WINDROW_AGENT_DISK_RESERVE: what they leave free. `20%`, `50G`. */
  readonly disk: DiskSettings;
  /** WINDROW_LOG_LEVEL. */
  readonly logLevel: string;
  /** WINDROW_AGENT_STOP=now: the first signal gives the jobs back instead of waiting for them. */
  readonly stopAtOnce: boolean;
  /** WINDROW_AGENT_TOOL_CACHE: folders with tools that came with the machine, with colons; only read. */
  readonly toolCacheDirs: readonly string[];
  /** WINDROW_AGENT_NPM_REGISTRY, else npm's own variable: where Node is had from. */
  readonly npmRegistryUrl: string | undefined;
  /** Where npm keeps what it was told. */
  readonly npmrcPaths: readonly string[];
  /** What a job gets of the agent's own environment. */
  readonly machineEnv: { readonly [name: string]: string };
}

export const BACKEND_KINDS = ["host", "sandbox"] as const;
export type BackendKind = (typeof BACKEND_KINDS)[number];

export const SLOTS_MAX = 256;

/** Paths of certificates: without them the clients of registries trust nobody on a network that inspects its traffic. */
const CERTIFICATE_VARIABLES = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
];
/** Nothing else of the agent's environment reaches a job. */
const PASSED_TO_JOBS = ["PATH", "LANG", "LC_ALL", "TZ", ...CERTIFICATE_VARIABLES];
const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Throws `ConfigError` with the name of what is wrong. */
export function readConfig(env: NodeJS.ProcessEnv): AgentConfig {
  const read = (name: string) => env[name]?.trim() || undefined;
  const agentDir = read("WINDROW_AGENT_DIR");
  if (agentDir === undefined)
    throw new ConfigError("WINDROW_AGENT_DIR is not set: the folder where the agent keeps its state");
  const slots = read("WINDROW_AGENT_SLOTS");
  const slotsCount = slots === undefined ? undefined : Number(slots);
  if (slotsCount !== undefined && (!Number.isInteger(slotsCount) || slotsCount < 1 || slotsCount > SLOTS_MAX)) {
    throw new ConfigError(`WINDROW_AGENT_SLOTS is '${slots}': it must be a number from 1 to ${SLOTS_MAX}`);
  }
  const controllerUrl = read("WINDROW_URL");
  if (controllerUrl !== undefined && !isHttpUrl(controllerUrl)) {
    throw new ConfigError(`WINDROW_URL is '${controllerUrl}': it must begin with http:// or https://`);
  }
  return {
    controllerUrl: controllerUrl?.replace(/\/+$/, ""),
    agentDir: isAbsolute(agentDir) ? agentDir : resolve(agentDir),
    name: read("WINDROW_AGENT_NAME") ?? hostname(),
    slotsCount,
    labels: splitList(read("WINDROW_AGENT_LABELS")),
    joinToken: read("WINDROW_JOIN_TOKEN") ?? readTokenFile(read("WINDROW_JOIN_TOKEN_FILE")),
    grpcAddresses: read("WINDROW_AGENT_GRPC_ADDRESS")?.split(","),
    natsUrls: read("WINDROW_AGENT_NATS_URL")?.split(","),
    bundleDir: read("WINDROW_AGENT_BUNDLE"),
    joinOnly: read("WINDROW_AGENT_JOIN") === "only",
    leave: {
      isOnce: readSwitch("WINDROW_AGENT_ONCE", read("WINDROW_AGENT_ONCE")),
      idleMs: readDuration("WINDROW_AGENT_IDLE_TIMEOUT", read("WINDROW_AGENT_IDLE_TIMEOUT")),
      uptimeMsMax: readDuration("WINDROW_AGENT_MAX_UPTIME", read("WINDROW_AGENT_MAX_UPTIME")),
    },
    backend: readBackend(read("WINDROW_AGENT_BACKEND") ?? "host"),
    dockerSocket: readDockerSocket(read("WINDROW_AGENT_DOCKER")),
    jobSubnet: readSubnet(read("WINDROW_AGENT_SUBNET")),
    readableDirs: (read("WINDROW_AGENT_READABLE") ?? "").split(":").filter(isAbsolute),
    disk: {
      cache: readShare("WINDROW_AGENT_CACHE_DISK", read("WINDROW_AGENT_CACHE_DISK")) ?? DISK_SETTINGS_DEFAULT.cache,
      reserve: readShare("WINDROW_AGENT_DISK_RESERVE", read("WINDROW_AGENT_DISK_RESERVE")),
    },
    clearOnly: readSwitch("WINDROW_AGENT_CLEAR", read("WINDROW_AGENT_CLEAR")),
    logLevel: read("WINDROW_LOG_LEVEL") ?? "info",
    stopAtOnce: read("WINDROW_AGENT_STOP") === "now",
    toolCacheDirs: (read("WINDROW_AGENT_TOOL_CACHE") ?? "").split(":").filter(isAbsolute),
    npmRegistryUrl: read("WINDROW_AGENT_NPM_REGISTRY") ?? read("npm_config_registry") ?? read("NPM_CONFIG_REGISTRY"),
    npmrcPaths: [...(read("HOME") === undefined ? [] : [resolve(read("HOME") ?? "", ".npmrc")]), "/etc/npmrc"],
    machineEnv: machineEnv(env),
  };
}

function readBackend(text: string): BackendKind {
  const kind = BACKEND_KINDS.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw new ConfigError(`WINDROW_AGENT_BACKEND is '${text}': it must be ${BACKEND_KINDS.join(" or ")}`);
}

const DOCKER_SOCKET_DEFAULT = "/var/run/docker.sock";

/** The engine runs on this machine: what it mounts stands here. */
function readDockerSocket(text = DOCKER_SOCKET_DEFAULT): string | undefined {
  if (text === "off") return undefined;
  const path = text.replace(/^unix:\/\//, "");
  if (isAbsolute(path)) return `unix://${path}`;
  throw new ConfigError(`WINDROW_AGENT_DOCKER is '${text}': it must be the path of an engine's socket, or off`);
}

function readSubnet(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, address = "", bits] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  if (isIPv4(address) && Number(bits) >= 16 && Number(bits) <= 24) return text;
  throw new ConfigError(`WINDROW_AGENT_SUBNET is '${text}': it must be a network such as 10.213.0.0/16, of /16 to /24`);
}

const OWN_PROGRAMS = /\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$/;

function machineEnv(env: NodeJS.ProcessEnv): { [name: string]: string } {
  const passed: { [name: string]: string } = { PATH: PATH_DEFAULT, LANG: "C.UTF-8" };
  for (const name of PASSED_TO_JOBS) {
    const value = env[name];
    if (value !== undefined && value !== "") passed[name] = value;
  }
  // A farm started by a package manager would give its own programs to every job.
  const path = (passed.PATH ?? "").split(":").filter((folder) => !OWN_PROGRAMS.test(folder));
  passed.PATH = path.length === 0 ? PATH_DEFAULT : path.join(":");
  return passed;
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "0") return false;
  if (text === "1") return true;
  throw new ConfigError(`${name} is '${text}': it must be 1 or 0`);
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readDuration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^([1-9][0-9]{0,8})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (unitMs === undefined) throw new ConfigError(`${name} is '${text}': it must be a duration such as 90s, 10m or 8h`);
  return Number(count) * unitMs;
}

function readShare(name: string, text: string | undefined): DiskShare | undefined {
  if (text === undefined) return undefined;
  const share = parseDiskShare(text);
  if (share !== undefined) return share;
  throw new ConfigError(
    `${name} is '${text}': it must be a share of the disk such as 20%, or bytes such as 500M or 50G`,
  );
}

const TOKEN_BYTES_MAX = 4_096;

/** An agent that has joined is not asked for the file again. */
function readTokenFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8").slice(0, TOKEN_BYTES_MAX).trim() || undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`WINDROW_JOIN_TOKEN_FILE cannot be read: ${why}`);
  }
}

function splitList(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
