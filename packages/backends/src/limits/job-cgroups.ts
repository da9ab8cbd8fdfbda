import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { JobLimits } from "@windrow/model";
import { hasCode } from "@windrow/service";
import { readSiteText } from "../host/site-files.ts";
import type { JobSite } from "../step-backend.ts";
import type { CgroupPlace, CgroupPlaces } from "./find-cgroups.ts";

export interface JobCgroups {
  /** Into which the processes of steps go. */
  readonly dirs: readonly string[];
  /** Where the kernel counts what it ended for want of memory; empty where memory is not limited. */
  readonly oomCounter: string;
}

const none: JobCgroups = { dirs: [], oomCounter: "" };
/** The kernel lets go of a cgroup a moment after its last process. */
const removeTriesMax = 200;
const removeEveryMs = 10;
const makeTriesMax = 20;

/**
 * Makes the cgroups that hold a job to its limits, as far as they can be had here; none where nothing is limited, unless
 * they are needed to end the job (`isHeldByThem`).
 */
export function makeJobCgroups(
  site: JobSite,
  limits: Pick<JobLimits, "memoryBytes" | "processesMax">,
  { places, isHeldByThem }: { readonly places: CgroupPlaces; readonly isHeldByThem: boolean },
): JobCgroups {
  const { memoryBytes, processesMax } = limits;
  const memory = memoryBytes === undefined ? undefined : places.memory;
  const processes = processesMax === undefined && !isHeldByThem ? undefined : places.processes;
  if (memory === undefined && processes === undefined) return none;
  const name = cgroupName(site);
  const make = ({ dir }: CgroupPlace): string => makeCgroup(join(dir, name));
  const memoryDir = memory === undefined ? undefined : make(memory);
  const processesDir = processes === undefined ? undefined : make(processes);
  if (memory !== undefined && memoryDir !== undefined && memoryBytes !== undefined) {
    limitMemory(memoryDir, memory.version, memoryBytes);
  }
  if (processesDir !== undefined && processesMax !== undefined) write(processesDir, "pids.max", processesMax);
  return {
    dirs: [...new Set([memoryDir, processesDir].filter((dir) => dir !== undefined))],
    oomCounter:
      memoryDir === undefined ? "" : join(memoryDir, memory?.version === 1 ? "memory.oom_control" : "memory.events"),
  };
}

function makeCgroup(path: string): string {
  for (let tries = 1; ; tries++) {
    try {
      mkdirSync(path, { recursive: true });
      return path;
    } catch (error) {
      // The end of another job took the folder of both away.
      if (!hasCode(error, "ENOENT") || tries >= makeTriesMax) throw error;
    }
  }
}

/** Swap would only put off the end: it counts as memory where the kernel can count it. */
function limitMemory(dir: string, version: 1 | 2, bytes: number): void {
  if (version === 2) {
    write(dir, "memory.max", bytes);
    if (existsSync(join(dir, "memory.swap.max"))) write(dir, "memory.swap.max", 0);
    return;
  }
  write(dir, "memory.limit_in_bytes", bytes);
  if (existsSync(join(dir, "memory.memsw.limit_in_bytes"))) write(dir, "memory.memsw.limit_in_bytes", bytes);
}

/** Removes the cgroups that stand in a site's settings, after its processes have ended. Idempotent. */
export async function removeJobCgroups(site: JobSite): Promise<void> {
  const dirs = /^cgroups='([^']*)'$/m.exec(readSiteText(site, "settings") ?? "")?.[1] ?? "";
  for (const dir of dirs.split(" ").filter(Boolean)) {
    for (let tries = 0; !isRemoved(dir) && tries < removeTriesMax; tries++) await pause(removeEveryMs);
    removeFolder(dirname(dir));
  }
}

/**
 * What held the last job's goes too: whoever made the agent's own cgroup could not remove it otherwise. Not in version 2, where
 * it is the farm's own and says what is passed on.
 */
function removeFolder(folder: string): void {
  if (existsSync(join(folder, "cgroup.subtree_control"))) return;
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EBUSY", "ENOTEMPTY")) throw error;
  }
}

function isRemoved(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    if (!hasCode(error, "EBUSY", "ENOTEMPTY")) throw error;
    endProcesses(dir);
    return false;
  }
}

/** Those of a job whose supervisor was killed. */
function endProcesses(dir: string): void {
  for (const pid of readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}

/** By the site's place, which two jobs of a machine never share at a time. */
function cgroupName({ siteDir }: JobSite): string {
  return `job-${createHash("sha256").update(siteDir).digest("hex").slice(0, 24)}`;
}

function write(dir: string, file: string, value: number): void {
  writeFileSync(join(dir, file), String(Math.floor(value)));
}
