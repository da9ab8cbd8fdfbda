import { type CgroupPlaces, findCgroups } from "./find-cgroups.ts";

/** How the limits of a job's steps are held on this machine. Containers are limited by their engine. */
export interface JobLimitFacts {
  /** `none`: the kernel gives this agent no way; a job may take all memory there is. */
  readonly memory: "cgroup" | "none";
  /** `user`: counted over everything that the slot's user runs. */
  readonly processes: "cgroup" | "user" | "none";
}

let places: CgroupPlaces | undefined;

/** Tried once for this process. */
export function cgroupPlaces(): CgroupPlaces {
  places ??= findCgroups();
  return places;
}

export function findJobLimits(options: { readonly hasSlotUsers: boolean }): JobLimitFacts {
  const { memory, processes } = cgroupPlaces();
  return {
    memory: memory === undefined ? "none" : "cgroup",
    processes: processes !== undefined ? "cgroup" : options.hasSlotUsers ? "user" : "none",
  };
}
