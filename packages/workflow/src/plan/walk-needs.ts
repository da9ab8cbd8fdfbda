import type { JobDefinition } from "@windrow/model";

type NeedingJob = Pick<JobDefinition, "key" | "needs">;

/** The jobs so that each comes after those it needs, else in their order; what needs itself in a circle is left out. */
export function sortByNeeds<Job extends NeedingJob>(jobs: readonly Job[]): Job[] {
  const dependants = new Map<string, Job[]>();
  const openNeeds = new Map<string, number>();
  for (const job of jobs) {
    openNeeds.set(job.key, job.needs.length);
    for (const key of job.needs) dependants.set(key, [...(dependants.get(key) ?? []), job]);
  }
  const sorted = jobs.filter((job) => job.needs.length === 0);
  for (const job of sorted) {
    for (const dependant of dependants.get(job.key) ?? []) {
      const open = (openNeeds.get(dependant.key) ?? 0) - 1;
      openNeeds.set(dependant.key, open);
      if (open === 0) sorted.push(dependant);
    }
  }
  return sorted;
}

/** Keys of everything a job needs, directly or not. */
export function listAncestors(jobs: readonly NeedingJob[], key: string): string[] {
  const byKey = new Map(jobs.map((job) => [job.key, job]));
  const seen = new Set<string>();
  const open = [...(byKey.get(key)?.needs ?? [])];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...(byKey.get(at)?.needs ?? []));
  }
  return [...seen];
}
