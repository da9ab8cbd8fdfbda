import { beginRun, type EntryToApply, inTransaction, lockRun, readRunEntries } from "@windrow/store";
import { advanceRun } from "../runs/advance-run.ts";
import { type CancelDeps, requestCancel } from "../runs/cancel-run.ts";

/** Lets a run or job follow what was decided for it: it begins, or is cancelled. Idempotent. */
export async function applyEntry(deps: CancelDeps, entry: EntryToApply): Promise<void> {
  const { runId, jobId, act } = entry;
  if (act === "cancel") {
    const reason = entry.cancelReason ?? "concurrency";
    const target = jobId === null ? { runId } : { jobId };
    await requestCancel(deps, { target, by: "concurrency", reason, isAutomatic: true });
    return;
  }
  const advanced = await inTransaction(deps.db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (run === undefined) return undefined;
    const own = (await readRunEntries(tx, runId)).find((one) => one.jobId === jobId);
    if (own?.state !== "holding") return undefined;
    if (jobId === null && !(await beginRun(tx, runId, "concurrency"))) return undefined;
    return advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts });
  });
  if (advanced !== undefined) deps.announcer.announce(advanced);
}
