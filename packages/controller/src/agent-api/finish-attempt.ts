import {
  type AgentId,
  type AttemptId,
  decideFinish,
  type FinishReport,
  Refusal,
  type StreamSeal,
} from "@windrow/model";
import { failpoint } from "@windrow/service";
import {
  type AttemptEnd,
  inTransaction,
  type JobAfter,
  type LockedAttempt,
  lockAttempts,
  restartStream,
  type Tx,
} from "@windrow/store";
import type { AgentCaller, FinishAttemptReply, FinishAttemptRequest } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type EndDeps, endAttemptsAndAdvance } from "../runs/end-attempt-run.ts";
import { type Batcher, createBatcher } from "./batcher.ts";
import type { StreamHashes } from "./stream-hashes.ts";

export interface FinishDeps extends EndDeps {
  readonly watch: DatabaseWatch;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
  readonly hashes: StreamHashes;
}

interface ToFinish extends FinishAttemptRequest {
  readonly agentId: AgentId;
  /** Streams whose durable bytes do not hash to their seal. */
  readonly mismatched: ReadonlySet<string>;
}

type Verdict = { readonly reply: FinishAttemptReply; readonly end?: AttemptEnd } | { readonly refusal: Refusal };

/** How often the bytes of one stream may turn out to differ from their seal before the log is called incomplete. */
const STREAM_RESTARTS_MAX = 1;
const BATCH_MAX = 32;
const QUEUE_MAX = 2_000;

/**
 * Ends an attempt by its agent's report: one transaction for attempt, job, dependants and events. Refused unless all
 * bytes that the report seals are durable and hash to what it says. A replay returns the stored answer. Reports that
 * arrive together share a transaction.
 */
export function createFinishAttempt(deps: FinishDeps) {
  const batcher: Batcher<ToFinish, Verdict> = createBatcher({
    name: "attempts to finish",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (item) => item.lease.attemptId,
    async runBatch(items) {
      const { verdicts, advanced } = await deps.watch.watch(() => inTransaction(deps.db, (tx) => finish(tx, items)));
      if (advanced.length > 0) await failpoint("controller.after-finish-commit");
      for (const one of advanced) deps.announcer.announce(one);
      return verdicts;
    },
  });

  async function finish(tx: Tx, items: readonly ToFinish[]) {
    const ids = items.map((item) => item.lease.attemptId);
    const locked = new Map((await lockAttempts(tx, ids)).map((one) => [one.attemptId, one]));
    const verdicts: Verdict[] = [];
    for (const item of items) verdicts.push(await judge(tx, item, locked.get(item.lease.attemptId)));
    const ends = verdicts.flatMap((verdict) => ("end" in verdict && verdict.end !== undefined ? [verdict.end] : []));
    return { verdicts, advanced: await endAttemptsAndAdvance(tx, deps, ends) };
  }

  return async (caller: AgentCaller, request: FinishAttemptRequest): Promise<FinishAttemptReply> => {
    const { attemptId } = request.lease;
    const mismatched = await deps.watch.watch(() => findMismatched(deps, attemptId, request.report.seals));
    const verdict = await batcher.submit({ ...request, agentId: caller.agentId, mismatched });
    if ("refusal" in verdict) {
      deps.metrics.staleFence.inc();
      throw verdict.refusal;
    }
    const { reply } = verdict;
    if (reply.kind === "needLog" && reply.offset === 0) deps.hashes.forget(attemptId, reply.stream);
    if (reply.kind === "accepted") deps.hashes.forget(attemptId);
    return reply;
  };

  async function judge(tx: Tx, item: ToFinish, locked: LockedAttempt | undefined): Promise<Verdict> {
    const { lease, report, agentId, mismatched } = item;
    const revoked = { refusal: new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`) };
    if (locked === undefined || locked.leaseId !== lease.leaseId || locked.agentId !== agentId) return revoked;
    if (locked.state === "finished") return { reply: replay(locked) };
    if (locked.state !== "running" || (locked.sessionNo ?? 0) > lease.sessionNo) return revoked;
    const missing = report.seals.find((seal) => durable(locked, seal) < seal.lengthBytes);
    if (missing !== undefined) return { reply: needLog(missing, durable(locked, missing)) };
    const wrong = report.seals.filter(
      (seal) => durable(locked, seal) !== seal.lengthBytes || mismatched.has(seal.stream),
    );
    const again = wrong.find((seal) => (locked.streams[seal.stream]?.restartCount ?? 0) < STREAM_RESTARTS_MAX);
    if (again !== undefined) {
      deps.metrics.logMismatch.inc();
      await restartStream(tx, lease.attemptId, again.stream);
      return { reply: needLog(again, 0) };
    }
    const job = decideJob(locked, report);
    const jobState = job.kind === "requeue" ? "queued" : "finished";
    const end: AttemptEnd = {
      locked,
      how: "finish",
      reason: report.reason,
      report,
      job,
      answer: { jobState },
      logIncomplete: wrong.length > 0,
    };
    return { reply: { kind: "accepted", jobState }, end };
  }
}

/** Streams whose durable bytes do not hash to their seal. Those that are too short are not read. */
async function findMismatched(
  deps: FinishDeps,
  attemptId: AttemptId,
  seals: readonly StreamSeal[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { stream, lengthBytes, sha256 } of seals) {
    const hash = await deps.hashes.digest(attemptId, stream, lengthBytes);
    if (hash !== undefined && hash !== sha256) found.add(stream);
  }
  return found;
}

function decideJob(locked: LockedAttempt, report: FinishReport): JobAfter {
  const decision = decideFinish(report, { ...locked, leaseLeftMs: 0 });
  if (decision.kind === "requeue") return { ...decision, costsBudget: true };
  const { message } = report;
  return {
    kind: "finish",
    outcome: decision.outcome,
    reason: report.reason,
    ...(message !== undefined && { message }),
  };
}

function replay(locked: LockedAttempt): FinishAttemptReply {
  const answer = locked.finishAnswer;
  const isRequeued =
    typeof answer === "object" && answer !== null && "jobState" in answer && answer.jobState === "queued";
  return { kind: "accepted", jobState: isRequeued ? "queued" : "finished" };
}

const durable = (locked: LockedAttempt, seal: StreamSeal): number => locked.streams[seal.stream]?.lengthBytes ?? 0;

const needLog = ({ stream }: StreamSeal, offset: number): FinishAttemptReply => ({ kind: "needLog", stream, offset });
