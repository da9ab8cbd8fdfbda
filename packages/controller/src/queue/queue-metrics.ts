import { decideWaitReason, type Fleet, findCapacity, type WaitCode, type WaitingJob } from "@windrow/model";
import { countQueued, type Database, type QueuedCount, readFleet } from "@windrow/store";
import { Gauge, type Registry } from "prom-client";

/** Adds `windrow_jobs_queued` to the registry; it is counted at every scrape, in three statements. */
export function registerQueueMetrics(registry: Registry, db: Database): void {
  new Gauge({
    name: "windrow_jobs_queued",
    help: "Jobs in the queue by the pool that could run them (none: no pool; several: more than one) and the reason why they wait",
    labelNames: ["pool", "reason"],
    registers: [registry],
    async collect() {
      this.reset();
      const [queued, fleet] = await Promise.all([countQueued(db), readFleet(db)]);
      for (const group of queued) {
        const { pool, reason } = explainGroup(group, fleet);
        this.inc({ pool, reason }, group.count);
      }
    },
  });
}

/** Of a group of jobs with the same facts: the pool that could run them, and their reason. */
export function explainGroup(group: QueuedCount, fleet: Fleet): { readonly pool: string; readonly reason: WaitCode } {
  const job: WaitingJob = {
    ...{
      state: "queued",
      isCall: false,
      key: "",
      workflowPath: "",
      repository: "",
      labels: group.labels,
      trust: group.trust,
    },
    ...{ isCancelRequested: group.isCancelRequested, runWaitsFor: null, group: null, needsOpenCount: 0, needsOpen: [] },
    heldReason: group.isHeld ? "it is held" : null,
    siblings: group.isMatrixFull ? { max: 1, openCount: 1 } : null,
    retry: group.isTriedLater ? { no: 2, inMs: 0 } : null,
    repositoryJobs: { max: group.isRepositoryFull ? 1 : null, openCount: 1 },
    offeredTo: null,
  };
  const { groups, scaled } = findCapacity(job, fleet);
  const pools = new Set([...groups.map(({ pool }) => pool.name), ...scaled.map((pool) => pool.name)]);
  const [only] = pools;
  return { pool: pools.size > 1 ? "several" : (only ?? "none"), reason: decideWaitReason(job, fleet).code };
}
