import {
  addRunDiagnostics,
  type GroupRef,
  type LockedRun,
  nameRun,
  readRunJobs,
  requestEntries,
  settleJobs,
  type Tx,
} from "@windrow/store";
import { decideRunStart } from "@windrow/workflow";
import { groupOf } from "./group-of.ts";
import { toPlanFacts, toRunScope } from "./run-plan-facts.ts";
import type { RunText } from "./run-texts.ts";

/** True when a run of this file has more to do than to start: a title to evaluate, or a group to ask for. */
export function asksForStart({ definition }: Pick<RunText, "definition">): boolean {
  return definition.runName !== undefined || definition.concurrency !== undefined;
}

/**
 * Names a run that was just made or opened again, and asks for its concurrency group. When its expressions fail, its jobs
 * end here as failed. The run's lock is held.
 */
export async function askForStart(
  tx: Tx,
  { run, text, publicUrl }: { readonly run: LockedRun; readonly text: RunText; readonly publicUrl: string },
): Promise<readonly GroupRef[]> {
  const answer = decideRunStart({
    scope: toRunScope(run, text.definition),
    vars: run.vars,
    facts: toPlanFacts(run, { publicUrl, eventJson: text.eventJson }),
  });
  if ("diagnostic" in answer) {
    const { diagnostic } = answer;
    await addRunDiagnostics(tx, run.id, [diagnostic]);
    const jobs = (await readRunJobs(tx, run.id, run.attempt)).filter((job) => job.state === "blocked");
    const ending = { outcome: "failed", reason: "diagnostic", message: diagnostic.message } as const;
    await settleJobs(
      tx,
      jobs.map((job) => ({ jobId: job.id, ...ending })),
    );
    return [];
  }
  const { title, concurrency } = answer;
  await nameRun(tx, {
    runId: run.id,
    ...(title !== undefined && { title }),
    ...(concurrency !== undefined && { group: concurrency.group }),
  });
  if (concurrency === undefined) return [];
  const { group, queue, cancelInProgress } = concurrency;
  return requestEntries(tx, [
    { repositoryId: run.repositoryId, group: groupOf(run, group), runId: run.id, queue, cancelInProgress },
  ]);
}
