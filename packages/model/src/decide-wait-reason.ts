import { decideQueuedReason } from "./decide-queued-reason.ts";
import type { Fleet, WaitingJob } from "./wait-facts.ts";
import type { WaitReason } from "./wait-reason.ts";
import { countOf } from "./wait-words.ts";

/**
 * Why a job that neither runs nor is finished does not run: exactly one reason, whatever the facts. Of several that hold
 * at once the first in this order counts: cancelling; an offer on its way; its run (approval, concurrency group); its
 * needs; its own concurrency group or hold; then, for a job in the queue, what only a person's change can end
 * (no_capacity_ever, pool_paused); limits of the job itself (max_parallel, backoff, quota of its repository); and last the
 * agents: a free one, the limit of the pool, agents being made, a provider that fails, busy, none there, draining, offline.
 */
export function decideWaitReason(job: WaitingJob, fleet: Fleet): WaitReason {
  if (job.isCancelRequested) {
    return momentary("cancelling", "it was cancelled and ends", "nothing: it ends by itself within a moment");
  }
  if (job.state === "leased") {
    return momentary(
      "starting",
      `it was offered to ${job.offeredTo ?? "an agent"}, which has not started it yet`,
      "nothing: it starts within a moment, or is offered to another agent",
    );
  }
  if (job.runWaitsFor !== null) return job.group === null ? waitForApproval(job, job.runWaitsFor) : waitForGroup(job);
  if (job.needsOpenCount > 0) return waitForNeeds(job);
  if (job.group !== null) return waitForGroup(job);
  if (job.heldReason !== null) return waitForApproval(job, job.heldReason);
  if (job.state === "queued") return decideQueuedReason(job, fleet);
  if (job.isCall) return waitForMatrix(job);
  return momentary("starting", "its needs have ended; it is about to be queued", "nothing: it is queued in a moment");
}

/** A call has no place in the queue: as many of its matrix are open as may, or it is opened in a moment. */
function waitForMatrix(job: WaitingJob): WaitReason {
  const { siblings } = job;
  if (siblings === null || siblings.openCount < siblings.max) {
    return momentary(
      "starting",
      "its needs have ended; its jobs are about to begin",
      "nothing: they begin in a moment",
    );
  }
  return {
    code: "max_parallel",
    sentence: `${siblings.openCount} of at most ${countOf(siblings.max, "job")} of its matrix run`,
    unblock: "one of them has to end; or raise max-parallel of its strategy",
    isStuck: false,
  };
}

function momentary(code: "cancelling" | "starting", sentence: string, unblock: string): WaitReason {
  return { code, sentence, unblock, isStuck: false };
}

function waitForApproval(job: WaitingJob, what: string): WaitReason {
  const isSentence = what.startsWith("it ") || what.startsWith("its ");
  return {
    code: "approval",
    sentence: job.runWaitsFor === null ? (isSentence ? what : `it waits for ${what}`) : `its run waits for ${what}`,
    unblock: "somebody has to approve it, or to cancel its run",
    isStuck: true,
  };
}

function waitForGroup(job: WaitingJob): WaitReason {
  const { group } = job;
  const who = job.runWaitsFor === null ? "it" : "its run";
  const holder = group?.holder ?? null;
  const unblock =
    holder === null
      ? "nothing: it is decided in a moment"
      : `${nameHolder(holder)} has to end${group?.aheadCount === 0 ? "" : ", and those before it in the group"}; or cancel it: windrow run cancel ${holder.runId}`;
  const sentence = `${who} waits for ${describeGroup(group)}`;
  return { code: "concurrency_group", sentence, unblock, isStuck: false };
}

/** What the run of this job waits for before it begins, in a few words; null when it has begun. */
export function describeRunWait(job: WaitingJob): string | null {
  if (job.runWaitsFor === null) return null;
  return job.group === null ? job.runWaitsFor : describeGroup(job.group);
}

function describeGroup(group: WaitingJob["group"]): string {
  const name = `the concurrency group '${group?.name ?? ""}'`;
  const ahead = group?.aheadCount ?? 0;
  if (group === null || group.holder === null) return `${name}, which is about to be given to the next`;
  return `${name}, held by ${nameHolder(group.holder)}${ahead === 0 ? "" : `, and ${countOf(ahead, "other")} asked before`}`;
}

function nameHolder({ runId, jobName }: { readonly runId: number; readonly jobName: string | null }): string {
  return jobName === null ? `run #${runId}` : `job '${jobName}' of run #${runId}`;
}

function waitForNeeds(job: WaitingJob): WaitReason {
  const names = job.needsOpen.map((need) => `'${need.name}'`);
  const more = job.needsOpenCount - names.length;
  const list = more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
  const running = job.needsOpen.filter((need) => need.isRunning).length;
  const [only] = job.needsOpen;
  const sentence =
    job.needsOpenCount === 1
      ? `it needs ${list}, which ${only?.isRunning === true ? "runs" : "has not started"}`
      : `it needs ${countOf(job.needsOpenCount, "job")} that ${job.needsOpenCount === 1 ? "has" : "have"} not ended: ${list}${running === 0 ? "" : ` (${running} of them running)`}`;
  return {
    code: "waiting_needs",
    sentence,
    unblock: `${list} ${job.needsOpenCount === 1 ? "has" : "have"} to end`,
    isStuck: false,
  };
}
