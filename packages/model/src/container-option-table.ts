import type { ContainerHealth, ContainerOptions } from "./container-options.ts";
import { isBelow, isCleanPath, isEngineSocket, readContainerVolume } from "./container-volume.ts";
import type { ContainerAllowances } from "./job-policy.ts";
import { readBytes, readDurationMs, readMount, readUlimit, readWholeNumber } from "./read-option-value.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] };

/** Options while they are read. */
export type OptionsDraft = Mutable<Omit<ContainerOptions, "env" | "tmpfs" | "labels">> & {
  readonly env: Record<string, string>;
  readonly tmpfs: Record<string, string>;
  readonly labels: Record<string, string>;
};

/** Takes one value; a sentence when it is refused. */
type Take = (draft: OptionsDraft, value: string, allowances: ContainerAllowances) => string | undefined;

export interface OptionRule {
  readonly take: Take;
  /** Needs no value: its presence says it. */
  readonly isFlag?: boolean;
}

/** What every container of a job may do. */
export const CONTAINER_CAPABILITIES: readonly string[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "NET_BIND_SERVICE",
  "SETGID",
  "SETUID",
  "SYS_CHROOT",
];

const ADMIN = "an admin can allow it in the job settings of the pool";
/** Only the farm's own labels tell it what belongs to which job. */
const OWN_LABELS = "windrow.";
const ENV_NAME = /^[^=\0]+$/;

const value = (take: Take): OptionRule => ({ take });
const flag = (
  take: (draft: OptionsDraft, isOn: boolean, allowances: ContainerAllowances) => string | undefined,
): OptionRule => ({
  isFlag: true,
  take: (draft, text, allowances) => {
    if (!/^(true|false|1|0)$/.test(text)) return `"${text}" is neither true nor false`;
    return take(draft, text === "true" || text === "1", allowances);
  },
});
/** What one value comes to. */
type Set<T> = (value: T, draft: OptionsDraft) => Partial<OptionsDraft>;
const text = (set: Set<string>, pattern = /^[^\0]+$/): OptionRule =>
  value((draft, word) => {
    if (!pattern.test(word)) return `"${word}" is not a value that it can have`;
    Object.assign(draft, set(word, draft));
    return undefined;
  });
const amount = (read: (text: string) => number | undefined, set: Set<number>): OptionRule =>
  value((draft, word) => {
    const wanted = read(word);
    if (wanted === undefined) return `"${word}" is not a value that it can have`;
    Object.assign(draft, set(wanted, draft));
    return undefined;
  });
const list = (name: "groups" | "extraHosts" | "dns" | "ports" | "aliases", pattern: RegExp): OptionRule =>
  text((word, draft) => ({ [name]: [...draft[name], word] }), pattern);
const refused = (why: string, isFlag = false): OptionRule => ({ isFlag, take: () => why });

function health(draft: OptionsDraft, part: Exclude<ContainerHealth, "none">): Partial<OptionsDraft> {
  return { health: { ...(draft.health === "none" ? {} : draft.health), ...part } };
}

function keyed(record: Record<string, string>, word: string): string | undefined {
  const at = word.indexOf("=");
  const name = at === -1 ? word : word.slice(0, at);
  if (!ENV_NAME.test(name) || word.includes("\0")) return `"${word}" has no name`;
  record[name] = at === -1 ? "" : word.slice(at + 1);
  return undefined;
}

const namespace = (kind: "network" | "pid" | "ipc", otherwise: string): OptionRule =>
  value((draft, word, allowances) => {
    if (word !== "host") return otherwise;
    if (!allowances.hostNamespaces.includes(kind))
      return `it would share the machine's own; ${ADMIN} (--container-allow ${kind}:host)`;
    draft.hostNamespaces.push(kind);
    return undefined;
  });

const network = namespace("network", "the job's network is made by the farm, and its services are found there by name");

const volume = value((draft, word, allowances) => {
  const read = readContainerVolume(word);
  if ("problem" in read) return read.problem;
  const { source } = read.volume;
  if (source !== undefined && isEngineSocket(source) && !isBelow(source, allowances.volumes)) {
    return `with the engine's socket a job has the whole machine; ${ADMIN} (--container-allow volume:…)`;
  }
  draft.volumes.push(word);
  return undefined;
});

const environment = value((draft, word) =>
  word.includes("=")
    ? keyed(draft.env, word)
    : `"${word}" has no value, and a job gets none of the agent's own variables`,
);

const label = value((draft, word) =>
  word.startsWith(OWN_LABELS) ? `labels that begin with ${OWN_LABELS} are the farm's` : keyed(draft.labels, word),
);

const capAdd = value((draft, word, allowances) => {
  const name = word.toUpperCase().replace(/^CAP_/, "");
  if (!CONTAINER_CAPABILITIES.includes(name) && !allowances.capabilities.includes(name)) {
    return `no container of a job has the capability ${name}; ${ADMIN} (--container-allow cap:${name})`;
  }
  draft.capAdd.push(name);
  return undefined;
});

const capDrop = text(
  (word, draft) => ({ capDrop: [...draft.capDrop, word.toUpperCase().replace(/^CAP_/, "")] }),
  /^\w+$/,
);

const device = value((draft, word, allowances) => {
  const [source = ""] = word.split(":");
  if (!allowances.devices.includes(source))
    return `devices of the machine are not for jobs; ${ADMIN} (--container-allow device:${source})`;
  draft.devices.push(word);
  return undefined;
});

const mount = value((draft, word, allowances) => {
  const read = readMount(word);
  if ("problem" in read) return read.problem;
  if ("volume" in read) return volume.take(draft, read.volume, allowances);
  return tmpfs.take(draft, read.tmpfs, allowances);
});

const tmpfs = value((draft, word) => {
  const [folder = "", ...options] = word.split(":");
  if (!isCleanPath(folder)) return `"${folder}" is no absolute path without ..`;
  draft.tmpfs[folder] = options.join(":");
  return undefined;
});

const cwd = value((draft, word) => {
  if (!isCleanPath(word) || isBelow(word, ["/proc", "/sys", "/dev"])) {
    return `"${word}" is no folder of the container that steps could run in`;
  }
  draft.cwd = word;
  return undefined;
});

/** The long name of every option there is a word about. */
export const CONTAINER_OPTIONS: Readonly<Record<string, OptionRule>> = {
  env: environment,
  entrypoint: text((word) => ({ entrypoint: word })),
  user: text((word) => ({ user: word }), /^[\w.-]+(:[\w.-]+)?$/),
  "group-add": list("groups", /^[\w.-]+$/),
  workdir: cwd,
  hostname: text((word) => ({ hostname: word }), /^[A-Za-z0-9]([\w.-]{0,62})$/),
  domainname: text((word) => ({ domainname: word }), /^[\w.-]+$/),
  platform: text((word) => ({ platform: word }), /^[\w./-]+$/),
  "health-cmd": text((command, draft) => health(draft, { command })),
  "health-interval": amount(readDurationMs, (intervalMs, draft) => health(draft, { intervalMs })),
  "health-timeout": amount(readDurationMs, (timeoutMs, draft) => health(draft, { timeoutMs })),
  "health-start-period": amount(readDurationMs, (startPeriodMs, draft) => health(draft, { startPeriodMs })),
  "health-retries": amount(readWholeNumber, (retries, draft) => health(draft, { retries })),
  "no-healthcheck": flag((draft, isOn) => {
    if (isOn) draft.health = "none";
    return undefined;
  }),
  "shm-size": amount(readBytes, (bytes) => ({ shmBytes: bytes })),
  memory: amount(readBytes, (bytes) => ({ memoryBytes: bytes })),
  "memory-swap": amount(
    (word) => (word === "-1" ? -1 : readBytes(word)),
    (bytes) => ({ memorySwapBytes: bytes }),
  ),
  "memory-reservation": amount(readBytes, (bytes) => ({ memoryReservationBytes: bytes })),
  "pids-limit": amount(readWholeNumber, (count) => ({ processesMax: count })),
  cpus: amount(
    (word) => (/^\d+(\.\d+)?$/.test(word) ? Number(word) : undefined),
    (cpus) => ({ cpus }),
  ),
  "cpu-shares": amount(readWholeNumber, (shares) => ({ cpuShares: shares })),
  "cpuset-cpus": text((word) => ({ cpuSet: word }), /^[\d,-]+$/),
  ulimit: value((draft, word) => {
    const read = readUlimit(word);
    if (read === undefined) return `"${word}" is not NAME=SOFT[:HARD]`;
    draft.ulimits.push(read);
    return undefined;
  }),
  tmpfs,
  label,
  init: flag((draft, isOn) => {
    draft.hasInit = isOn;
    return undefined;
  }),
  "read-only": flag((draft, isOn) => {
    draft.isReadOnly = isOn;
    return undefined;
  }),
  // what a step writes is read from pipes, and it is given no input
  interactive: flag(() => undefined),
  tty: flag(() => undefined),
  "add-host": list("extraHosts", /^[\w.-]+[:=][\w.:[\]-]+$/),
  dns: list("dns", /^[\da-fA-F.:]+$/),
  "cap-drop": capDrop,
  "cap-add": capAdd,
  device,
  privileged: flag((draft, isOn, allowances) => {
    if (isOn && !allowances.isPrivileged)
      return `with it a job has the whole machine; ${ADMIN} (--container-allow privileged)`;
    draft.isPrivileged = isOn;
    return undefined;
  }),
  network,
  net: network,
  pid: namespace("pid", "a container sees its own processes"),
  ipc: namespace("ipc", "a container has its own shared memory"),
  volume,
  mount,
  publish: list("ports", /^[\w.:/[\]-]+$/),
  expose: text(() => ({}), /^[\d/a-z-]+$/),
  "network-alias": list("aliases", /^[A-Za-z0-9][\w.-]{0,62}$/),
  // containers of all jobs share one list of names; on the job's own network it is found by this one
  name: list("aliases", /^[A-Za-z0-9][\w.-]{0,62}$/),
  "security-opt": value((_draft, word) =>
    /^no-new-privileges([:=]true)?$/.test(word) ? undefined : "containers of jobs keep the engine's own protection",
  ),
  "env-file": refused("a job has no files of the machine; write the variables themselves"),
  "volumes-from": refused("containers of others are not the job's"),
  "publish-all": refused("name the ports", true),
  userns: refused("users are the farm's affair"),
  uts: refused("a container has a host name of its own"),
  cgroupns: refused("limits are the farm's affair"),
  "cgroup-parent": refused("limits are the farm's affair"),
  "oom-kill-disable": refused("limits are the farm's affair", true),
  sysctl: refused("settings of the kernel are the machine's"),
  gpus: refused("devices are named one by one, with --device"),
  restart: refused("what ends is not started again within a job"),
  "log-driver": refused("the farm keeps the log"),
  "log-opt": refused("the farm keeps the log"),
  runtime: refused("it is the engine's own"),
};

export const SHORT_OPTIONS: Readonly<Record<string, string>> = {
  e: "env",
  u: "user",
  w: "workdir",
  h: "hostname",
  m: "memory",
  c: "cpu-shares",
  l: "label",
  v: "volume",
  p: "publish",
  i: "interactive",
  t: "tty",
  P: "publish-all",
};
