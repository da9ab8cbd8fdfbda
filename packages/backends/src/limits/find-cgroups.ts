import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

/** Where cgroups of jobs can be made, for one or both of what they limit. */
export interface CgroupPlace {
  readonly version: 1 | 2;
  /** Holds one folder per job; made when first needed. */
  readonly dir: string;
}

export interface CgroupPlaces {
  readonly memory?: CgroupPlace | undefined;
  readonly processes?: CgroupPlace | undefined;
}

/** What this process knows of cgroups: `/proc/self/mountinfo` and `/proc/self/cgroup`. */
export interface CgroupFacts {
  readonly mountInfo: string;
  readonly ownCgroups: string;
}

const folder = "windrow";
const controllers = { memory: "memory", processes: "pids" } as const;
/** A file that a child has when the controller works there. */
const limitFiles = {
  1: { memory: "memory.limit_in_bytes", processes: "pids.max" },
  2: { memory: "memory.max", processes: "pids.max" },
} as const;

/** Looks where this process may make cgroups that limit memory and processes; tries it. Empty where it may not. */
export function findCgroups(facts: CgroupFacts = readFacts()): CgroupPlaces {
  let unified: { readonly dir: string | undefined } | undefined;
  const find = (kind: keyof typeof controllers): CgroupPlace | undefined => {
    const first = findFirst(facts, controllers[kind]);
    if (first !== undefined && worksAt(first, limitFiles[1][kind])) return { version: 1, dir: join(first, folder) };
    unified ??= { dir: findUnified(facts) };
    const { dir } = unified;
    return dir !== undefined && worksAt(dir, limitFiles[2][kind]) ? { version: 2, dir } : undefined;
  };
  return { memory: find("memory"), processes: find("processes") };
}

function readFacts(): CgroupFacts {
  return {
    mountInfo: ifThere(() => readFileSync("/proc/self/mountinfo", "utf8")) ?? "",
    ownCgroups: ifThere(() => readFileSync("/proc/self/cgroup", "utf8")) ?? "",
  };
}

/** Version 1: below the agent's own cgroup, whose limits hold for its jobs as well. */
function findFirst({ mountInfo, ownCgroups }: CgroupFacts, controller: string): string | undefined {
  const mount = readMounts(mountInfo).find(({ type, words }) => type === "cgroup" && words.includes(controller));
  const own = ownCgroups.split("\n").map((line) => line.split(":"));
  const path = own
    .find(([, names = ""]) => names.split(",").includes(controller))
    ?.slice(2)
    .join(":");
  return mount === undefined || path === undefined ? undefined : usable(placeOf(mount, path));
}

/**
 * Version 2. At the machine's root, where processes may stand beside cgroups, as container engines do it. In a container, or
 * for an agent that is not root, in the part that was delegated to it; there it has to step aside, because processes and
 * limited cgroups may not stand in one.
 */
function findUnified({ mountInfo, ownCgroups }: CgroupFacts): string | undefined {
  const mount = readMounts(mountInfo).find(({ type }) => type === "cgroup2");
  const path = ownCgroups
    .split("\n")
    .find((line) => line.startsWith("0::"))
    ?.slice(3);
  if (mount === undefined || path === undefined) return undefined;
  // Only the root of all has no type.
  const isMachineRoot = mount.root === "/" && !existsSync(join(mount.point, "cgroup.type"));
  const isShared = isMachineRoot && process.getuid?.() === 0;
  const top = usable(isShared ? mount.point : placeOf(mount, path).replace(/\/windrow-agent$/, ""));
  if (top === undefined) return undefined;
  try {
    if (wanted(top).length === 0) return undefined;
    if (!passesOn(top) && !isShared) stepAside(top);
    passOn(top);
    const dir = join(top, folder);
    mkdirSync(dir, { recursive: true });
    passOn(dir);
    return dir;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

const wanted = (dir: string): string[] => {
  const offered = readFileSync(join(dir, "cgroup.controllers"), "utf8").trim().split(" ");
  return Object.values(controllers).filter((name) => offered.includes(name));
};

function passesOn(dir: string): boolean {
  const passed = readFileSync(join(dir, "cgroup.subtree_control"), "utf8").trim().split(" ");
  return wanted(dir).every((name) => passed.includes(name));
}

function passOn(dir: string): void {
  if (passesOn(dir)) return;
  const words = wanted(dir).map((name) => `+${name}`);
  writeFileSync(join(dir, "cgroup.subtree_control"), words.join(" "));
}

function stepAside(top: string): void {
  const aside = join(top, "windrow-agent");
  mkdirSync(aside, { recursive: true });
  for (const pid of readFileSync(join(top, "cgroup.procs"), "utf8").split("\n").filter(Boolean)) {
    try {
      writeFileSync(join(aside, "cgroup.procs"), pid);
    } catch (error) {
      // It has ended meanwhile.
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}

function worksAt(parent: string, file: string): boolean {
  const trial = join(parent, `windrow-try-${process.pid}`);
  try {
    mkdirSync(trial);
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
  try {
    return existsSync(join(trial, file));
  } finally {
    rmdirSync(trial);
  }
}

interface Mount {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly words: readonly string[];
}

function readMounts(mountInfo: string): Mount[] {
  return mountInfo.split("\n").flatMap((line) => {
    const [head = "", tail = ""] = line.split(" - ");
    const [, , , root, point] = head.split(" ");
    const [type, , options = ""] = tail.split(" ");
    return root === undefined || point === undefined || type === undefined
      ? []
      : [{ root, point, type, words: options.split(",") }];
  });
}

/** In a container only a part of the tree is mounted, and paths may be said from its root or from the machine's. */
function placeOf({ root, point }: Mount, path: string): string {
  if (root === "/") return join(point, path);
  return path.startsWith(`${root}/`) ? join(point, path.slice(root.length)) : point;
}

/** The supervisor reads these paths as words of a shell. */
function usable(path: string): string | undefined {
  return /^[\w./@:+-]+$/.test(path) && existsSync(path) ? path : undefined;
}

function isRefusal(error: unknown): boolean {
  return hasCode(error, "EACCES", "EPERM", "EROFS", "EBUSY", "ENOENT", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSPC");
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}
