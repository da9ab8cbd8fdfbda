import { type AttemptId, decideFinish, type FinishReport, Refusal, type StreamSeal } from "@windrow/model";
import { failpoint } from "@windrow/service";
import { inTransaction, type JobAfter, type LockedAttempt, lockAttempt, restartStream } from "@windrow/store";
import type { AgentCaller, FinishAttemptReply, FinishAttemptRequest } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Advanced } from "../runs/advance-run.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type EndDeps, endAttemptAndAdvance } from "../runs/end-attempt-run.ts";
import type { StreamHashes } from "./stream-hashes.ts";

export interface FinishDeps extends EndDeps {
  readonly watch: DatabaseWatch;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
  readonly hashes: StreamHashes;
}

type Finished = { readonly reply: FinishAttemptReply; readonly advanced?: Advanced };

/** How often the bytes of one stream may turn out to differ from their seal before the log is called incomplete. */
const STREAM_RESTARTS_MAX = 1;

/**
 * Ends an attempt by its agent's report: one transaction for attempt, job, dependants and events. Refused unless all
 * bytes that the report seals are durable and hash to what it says. A replay returns the stored answer.
 */
export function createFinishAttempt(deps: FinishDeps) {
  return async (caller: AgentCaller, { lease, report }: FinishAttemptRequest): Promise<FinishAttemptReply> => {
    const mismatched = await deps.watch.watch(() => findMismatched(deps, lease.attemptId, report.seals));
    const { reply, advanced } = await deps.watch.watch(() =>
      inTransaction(deps.db, async (tx): Promise<Finished> => {
        const locked = await lockAttempt(tx, lease.attemptId);
        const isOwn = locked !== undefined && locked.leaseId === lease.leaseId && locked.agentId === caller.agentId;
        if (!isOwn) throw revoked(deps, lease.attemptId);
        if (locked.state === "finished") return { reply: replay(locked) };
        if (locked.state !== "running" || (locked.sessionNo ?? 0) > lease.sessionNo)
          throw revoked(deps, lease.attemptId);
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
        const accepted = { kind: "accepted", jobState: job.kind === "requeue" ? "queued" : "finished" } as const;
        const advanced = await endAttemptAndAdvance(tx, deps, {
          locked,
          how: "finish",
          reason: report.reason,
          report,
          job,
          answer: { jobState: accepted.jobState },
          logIncomplete: wrong.length > 0,
        });
        return { reply: accepted, advanced };
      }),
    );
    if (reply.kind === "needLog") deps.hashes.forget(lease.attemptId, reply.stream);
    if (reply.kind === "accepted") deps.hashes.forget(lease.attemptId);
    if (advanced !== undefined) {
      await failpoint("controller.after-finish-commit");
      deps.announcer.announce(advanced);
    }
    return reply;
  };
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

function revoked(deps: FinishDeps, attemptId: AttemptId): Refusal {
  deps.metrics.staleFence.inc();
  return new Refusal("revoked", `attempt ${attemptId} is not yours any more`);
}
