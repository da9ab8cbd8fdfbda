import {
  type AgentId,
  type AttemptId,
  decideFinish,
  type FinishReport,
  isGivenBack,
  isOwnResult,
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
  reportSteps,
  restartStream,
  type Tx,
} from "@windrow/store";
import type { AgentCaller, FinishAttemptReply, FinishAttemptRequest } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type EndDeps, endAttemptsAndAdvance } from "../runs/end-attempt-run.ts";
import { type Batcher, createBatcher } from "./batcher.ts";
import { checkStepsCount } from "./report-steps.ts";
import type { StreamHashes } from "./stream-hashes.ts";

export interface FinishDeps extends EndDeps {
  readonly watch: DatabaseWatch;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
  readonly hashes: StreamHashes;
}

interface ToFinish extends FinishAttemptRequest {
  readonly agentId: AgentId;
  /** Of the streams whose durable bytes were hashed at the length of their seal: whether the two agree. */
  readonly checks: ReadonlyMap<string, boolean>;
}

/** `unchecked`: the bytes are all durable, and one stream was not hashed at that length yet. */
type Verdict =
  | { readonly reply: FinishAttemptReply; readonly end?: AttemptEnd }
  | { readonly refusal: Refusal }
  | { readonly unchecked: true };

/** Bytes went on arriving while they were hashed: the agent reports again. */
class LogUnchecked extends Error {
  readonly retryable = true;
}

/** How often the bytes of one stream may turn out to differ from their seal before the log is called incomplete. */
const STREAM_RESTARTS_MAX = 1;
/** Looks at one report: with the hashes at hand, and with the streams read from the store if those were not enough. */
const LOOKS_MAX = 3;
const BATCH_MAX = 32;
const QUEUE_MAX = 2_000;

/**
 * Ends an attempt by its agent's report: one transaction for attempt, job, dependants and events. Refused unless all
 * bytes that the report seals are durable and hash to what it says. A replay returns the stored answer. What the request
 * says of steps is written before. Reports that arrive together share a transaction.
 */
export function createFinishAttempt(deps: FinishDeps) {
  const batcher: Batcher<ToFinish, Verdict> = createBatcher({
    name: "attempts to finish",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (item) => item.lease.attemptId,
    async runBatch(items) {
      const { verdicts, reported, advanced } = await deps.watch.watch(() =>
        inTransaction(deps.db, (tx) => finish(tx, items)),
      );
      if (advanced.length > 0) await failpoint("controller.after-finish-commit");
      for (const { runId } of reported) deps.announcer.announceRun(runId);
      for (const one of advanced) deps.announcer.announce(one);
      return verdicts;
    },
  });

  async function finish(tx: Tx, items: readonly ToFinish[]) {
    const ids = items.map((item) => item.lease.attemptId);
    const locked = new Map((await lockAttempts(tx, ids)).map((one) => [one.attemptId, one]));
    const verdicts: Verdict[] = [];
    for (const item of items) verdicts.push(await judge(tx, item, locked.get(item.lease.attemptId)));
    const good = items.filter((item, index) => item.steps.length > 0 && isOpenStill(verdicts[index]));
    const facts = good.map(({ lease, agentId, steps }) => ({ ...lease, agentId, steps }));
    const reported = facts.length === 0 ? [] : await reportSteps(tx, facts);
    const ends = verdicts.flatMap((verdict) => ("end" in verdict && verdict.end !== undefined ? [verdict.end] : []));
    return { verdicts, reported, advanced: await endAttemptsAndAdvance(tx, deps, ends) };
  }

  return async (caller: AgentCaller, request: FinishAttemptRequest): Promise<FinishAttemptReply> => {
    const { attemptId } = request.lease;
    checkStepsCount(request.steps);
    const verdict = await look(caller, request);
    if ("refusal" in verdict) {
      deps.metrics.staleFence.inc();
      throw verdict.refusal;
    }
    const { reply } = verdict;
    if (reply.kind === "needLog" && reply.offset === 0) deps.hashes.forget(attemptId, reply.stream);
    if (reply.kind === "accepted") deps.hashes.forget(attemptId);
    return reply;
  };

  /** Streams are read only for a lease that was found good, and only when all their bytes are there. */
  async function look(
    caller: AgentCaller,
    request: FinishAttemptRequest,
  ): Promise<Exclude<Verdict, { unchecked: true }>> {
    const { lease, report } = request;
    for (let lookNo = 1; lookNo <= LOOKS_MAX; lookNo++) {
      const checks = await deps.watch.watch(() => checkSeals(deps, lease.attemptId, report.seals, lookNo > 1));
      const verdict = await batcher.submit({ ...request, agentId: caller.agentId, checks });
      if (!("unchecked" in verdict)) return verdict;
    }
    throw new LogUnchecked(`the log of attempt ${lease.attemptId} is still arriving`);
  }

  async function judge(tx: Tx, item: ToFinish, locked: LockedAttempt | undefined): Promise<Verdict> {
    const { lease, report, agentId, checks } = item;
    const revoked = { refusal: new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`) };
    if (locked === undefined || locked.leaseId !== lease.leaseId || locked.agentId !== agentId) return revoked;
    if (locked.state === "finished") return { reply: replay(locked) };
    if (locked.state !== "running" || (locked.sessionNo ?? 0) > lease.sessionNo) return revoked;
    const missing = report.seals.find((seal) => durable(locked, seal) < seal.lengthBytes);
    if (missing !== undefined) return { reply: needLog(missing, durable(locked, missing)) };
    const isLonger = (seal: StreamSeal) => durable(locked, seal) > seal.lengthBytes;
    if (report.seals.some((seal) => !isLonger(seal) && !checks.has(seal.stream))) return { unchecked: true };
    const wrong = report.seals.filter((seal) => isLonger(seal) || checks.get(seal.stream) === false);
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

/** The attempt is the caller's and was running up to this report: its steps may be written. */
function isOpenStill(verdict: Verdict | undefined): boolean {
  if (verdict === undefined || !("reply" in verdict)) return false;
  return verdict.end !== undefined || verdict.reply.kind === "needLog";
}

/** Hashes what is durable of each sealed stream, as far as that is known here or, with `mayRead`, from the store. */
async function checkSeals(
  deps: FinishDeps,
  attemptId: AttemptId,
  seals: readonly StreamSeal[],
  mayRead: boolean,
): Promise<ReadonlyMap<string, boolean>> {
  const checks = new Map<string, boolean>();
  for (const { stream, lengthBytes, sha256 } of seals) {
    const isKnown = deps.hashes.known(attemptId, stream, lengthBytes) === sha256;
    if (isKnown) checks.set(stream, true);
    if (isKnown || !mayRead) continue;
    // what is remembered here may be of bytes that another controller has replaced since
    deps.hashes.forget(attemptId, stream);
    const hash = await deps.hashes.digest(attemptId, stream, lengthBytes);
    if (hash !== undefined) checks.set(stream, hash === sha256);
  }
  return checks;
}

function decideJob(locked: LockedAttempt, report: FinishReport): JobAfter {
  const decision = decideFinish(report, { ...locked, leaseLeftMs: 0 });
  if (decision.kind === "requeue") return { ...decision, costsBudget: !isGivenBack(report) };
  const { message } = report;
  return {
    kind: "finish",
    outcome: decision.outcome,
    // a fault of the farm in a job that was to be cancelled anyway
    reason: isOwnResult(report) ? report.reason : (locked.cancelReason ?? report.reason),
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
