import { randomUUID } from "node:crypto";
import { startTestPostgres } from "@windrow/embedded/testing";
import { createLogger, systemClock } from "@windrow/service";
import {
  type Database,
  type DispatcherTerm,
  ensureRepository,
  type GrantedLease,
  inTransaction,
  internLabelSets,
  labelSetKey,
  migrate,
  openDatabase,
} from "@windrow/store";
import { createDispatcher, type Dispatcher } from "../src/dispatch/create-dispatcher.ts";
import { createMetrics } from "../src/metrics.ts";

export interface QueuedJobs {
  readonly owner: string;
  readonly repository: string;
  readonly labels: readonly string[];
  readonly count: number;
  readonly priority?: number;
  readonly preferredPool?: string;
}

/** One grant with what came of it, times by the database's clock in ms. */
export interface GrantRow {
  readonly jobId: number;
  readonly owner: string;
  readonly repositoryId: number;
  readonly labels: readonly string[];
  readonly priority: number;
  readonly agentId: string;
  readonly pool: string;
  readonly queuedAt: number;
  readonly offeredAt: number;
  readonly finishedAt: number;
}

/** Dispatchers of two controllers over a real queue, with agents whose jobs end after a while and do nothing else. */
export interface QueueFarm {
  readonly db: Database;
  readonly dispatchers: readonly Dispatcher[];
  addAgents(options: { pool: string; count: number; labels?: readonly string[]; slots?: number }): Promise<void>;
  queue(jobs: readonly QueuedJobs[]): Promise<void>;
  /** Tells both dispatchers, as commits do. */
  wake(): void;
  /** Ends jobs as they are due until none is left, and answers every grant in the order of the grants. */
  runAll(options: { runsMs: () => number; withinMs: number }): Promise<GrantRow[]>;
  stop(): Promise<void>;
}

const FINISH_EVERY_MS = 15;
const INSERT_AT_ONCE = 1_000;
const anHour = () => ({ elected_at: new Date(), expires_at: new Date(Date.now() + 3_600_000) });

/** The pools are shared out: each dispatcher has the terms of some of them. */
export async function startQueueFarm(poolsOf: readonly (readonly string[])[]): Promise<QueueFarm> {
  const { connectionString, drop } = await (await startTestPostgres()).createDatabase();
  const open = () => openDatabase({ connectionString, connectionsMax: 4, onError: () => undefined });
  const db = open();
  await migrate(db);
  const due: { readonly attemptId: string; readonly atMs: number }[] = [];
  let runsMs = (): number => 1;
  let runNumber = 0;
  const onGranted = (granted: readonly GrantedLease[]) => {
    for (const { attemptId } of granted) due.push({ attemptId, atMs: systemClock.monotonicMs() + runsMs() });
  };
  const controllers = await Promise.all(
    poolsOf.map(async (pools) => {
      const own = open();
      const terms = pools.map((pool): DispatcherTerm => ({ pool, termId: randomUUID() }));
      const leases = terms.map(({ pool, termId }) => ({
        pool,
        controller_id: randomUUID(),
        term_id: termId,
        ...anHour(),
      }));
      await db.insertInto("pool_leases").values(leases).execute();
      const dispatcher = createDispatcher({
        db: own,
        clock: systemClock,
        logger: createLogger({ component: "queue-test", level: "fatal" }),
        metrics: createMetrics(async () => ({})),
        bus: undefined,
        terms: {
          keep: async () => undefined,
          find: (pool) => terms.find((term) => term.pool === pool),
          pools: () => [...pools],
          resign: async () => undefined,
        },
        onGranted,
      });
      return { own, dispatcher };
    }),
  );
  const dispatchers = controllers.map(({ dispatcher }) => dispatcher);
  const wake = () => {
    for (const dispatcher of dispatchers) dispatcher.wake();
  };

  /** As `FinishAttempt` does, for many at once. */
  async function finish(attemptIds: readonly string[]): Promise<void> {
    await db
      .with("ended", (withEnded) =>
        withEnded
          .updateTable("attempts")
          .set((eb) => ({
            ...{ state: "finished" as const, outcome: "succeeded" as const },
            started_at: eb.ref("offered_at"),
            finished_at: eb.fn<Date>("clock_timestamp"),
          }))
          .where("id", "in", [...attemptIds])
          .returning("job_id"),
      )
      .updateTable("jobs")
      .set((eb) => ({
        ...{ state: "finished" as const, outcome: "succeeded" as const, conclusion: "success" as const },
        finished_at: eb.fn<Date>("clock_timestamp"),
      }))
      .where("id", "in", (eb) => eb.selectFrom("ended").select("job_id"))
      .execute();
  }

  async function repositoryId(owner: string, name: string): Promise<number> {
    const { repository } = await inTransaction(db, (tx) => ensureRepository(tx, { owner, name, createdBy: "me" }));
    return repository.id;
  }

  return {
    db,
    dispatchers,
    wake,
    async addAgents({ pool, count, labels = ["linux"], slots = 1 }) {
      const agents = Array.from({ length: count }, () => randomUUID()).map((id) => ({
        ...{
          id,
          name: `${pool}-${id}`,
          pool,
          state: "ready" as const,
          labels: [...labels],
          slots,
          nats_public_key: "U",
        },
      }));
      await db.insertInto("agents").values(agents).execute();
    },
    async queue(list) {
      for (const { owner, repository, labels, count, priority = 0, preferredPool = null } of list) {
        const repository_id = await repositoryId(owner, repository);
        const sets = await inTransaction(db, (tx) => internLabelSets(tx, [[...labels]]));
        const run = {
          number: ++runNumber,
          event_name: "push",
          event_json: "{}",
          ref: "refs/heads/main",
          sha: "a",
          actor: "me",
        };
        const { id: run_id } = await db
          .insertInto("runs")
          .values({ ...run, repository_id, workflow_path: "ci.yml", workflow_name: "ci", state: "running" })
          .returning("id")
          .executeTakeFirstOrThrow();
        const job = {
          run_id,
          run_attempt: 1,
          repository_id,
          owner,
          key: "job",
          name: "job",
          trust: "trusted" as const,
        };
        const queued = {
          state: "queued" as const,
          priority,
          preferred_pool: preferredPool,
          label_set_id: sets.get(labelSetKey(labels)) ?? null,
        };
        for (let from = 0; from < count; from += INSERT_AT_ONCE) {
          const rows = Array.from({ length: Math.min(INSERT_AT_ONCE, count - from) }, (_, no) => ({
            ...{ ...job, ...queued, matrix_index: from + no, queued_at: new Date() },
          }));
          await db.insertInto("jobs").values(rows).execute();
        }
      }
    },
    async runAll(options) {
      runsMs = options.runsMs;
      const untilMs = systemClock.monotonicMs() + options.withinMs;
      wake();
      for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
        const nowMs = systemClock.monotonicMs();
        if (nowMs > untilMs) throw new Error(`${left} jobs are left`);
        const ended = due.filter(({ atMs }) => atMs <= nowMs);
        if (ended.length > 0) {
          due.splice(0, due.length, ...due.filter(({ atMs }) => atMs > nowMs));
          await finish(ended.map(({ attemptId }) => attemptId));
          wake();
        }
        await systemClock.sleep(FINISH_EVERY_MS);
        if (due.length > 0) continue;
        const answer = await db
          .selectFrom("jobs")
          .select((eb) => eb.fn.countAll<number>().as("left"))
          .where("state", "<>", "finished")
          .executeTakeFirstOrThrow();
        left = answer.left;
      }
      const rows = await db
        .selectFrom("attempts")
        .innerJoin("jobs", "jobs.id", "attempts.job_id")
        .innerJoin("label_sets", "label_sets.id", "jobs.label_set_id")
        .select(["jobs.id", "jobs.owner", "jobs.repository_id", "jobs.priority", "jobs.queued_at", "label_sets.labels"])
        .select(["attempts.agent_id", "attempts.pool", "attempts.offered_at", "attempts.finished_at"])
        .orderBy("attempts.fence")
        .execute();
      return rows.map((row) => ({
        ...{
          jobId: row.id,
          owner: row.owner,
          repositoryId: row.repository_id,
          labels: row.labels,
          priority: row.priority,
        },
        ...{ agentId: row.agent_id, pool: row.pool, queuedAt: row.queued_at?.getTime() ?? 0 },
        ...{ offeredAt: row.offered_at.getTime(), finishedAt: row.finished_at?.getTime() ?? 0 },
      }));
    },
    async stop() {
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
      await Promise.all(controllers.map(({ own }) => own.destroy()));
      await db.destroy();
      await drop();
    },
  };
}

/** The most of these intervals that lie over one moment. */
export function overlapMax(grants: readonly GrantRow[]): number {
  const moments = grants
    .flatMap(({ offeredAt, finishedAt }) => [
      { atMs: offeredAt, change: 1 },
      { atMs: finishedAt, change: -1 },
    ])
    .sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  let [open, max] = [0, 0];
  for (const { change } of moments) {
    open += change;
    max = Math.max(max, open);
  }
  return max;
}

/**
 * The longest time that an agent of one slot did nothing while a job it could run was queued all the while. Of
 * `limited` repositories the jobs do not count.
 */
export function idleBesideMs(
  grants: readonly GrantRow[],
  options: {
    readonly readyAtMs: number;
    readonly labelsOf: ReadonlyMap<string, readonly string[]>;
    readonly limited?: ReadonlySet<number>;
  },
): number {
  const jobs = grants.filter((grant) => options.limited?.has(grant.repositoryId) !== true);
  let worst = 0;
  for (const [agentId, labels] of options.labelsOf) {
    const canRun = jobs.filter((job) => job.labels.every((label) => labels.includes(label)));
    let idleFrom = options.readyAtMs;
    const own = grants.filter((grant) => grant.agentId === agentId).sort((a, b) => a.offeredAt - b.offeredAt);
    for (const { offeredAt, finishedAt } of [...own, { offeredAt: Number.POSITIVE_INFINITY, finishedAt: 0 }]) {
      if (offeredAt - idleFrom > worst)
        for (const job of canRun) {
          const from = Math.max(job.queuedAt, idleFrom);
          worst = Math.max(worst, Math.min(job.offeredAt, offeredAt) - from);
        }
      idleFrom = finishedAt;
    }
  }
  return worst;
}
