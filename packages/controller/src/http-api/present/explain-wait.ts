import type { JobView, LabelCover } from "@windrow/store";

export interface WaitFacts {
  readonly jobsById: ReadonlyMap<number, JobView>;
  readonly coverByLabelSet: ReadonlyMap<number, LabelCover>;
}

/** Why a job is not running yet: the one condition that blocks it, in a sentence; null when nothing does. */
export function explainWait(job: JobView, facts: WaitFacts): string | null {
  switch (job.state) {
    case "running":
    case "finished":
      return null;
    case "leased":
      return `it was offered to ${job.agent ?? "an agent"}, which has not started it yet`;
    case "blocked":
      return explainBlocked(job, facts);
    case "queued":
      return explainQueued(job, facts);
  }
}

/** Of one matrix. */
function countRunning(job: JobView, jobsById: WaitFacts["jobsById"]): number {
  return [...jobsById.values()].filter(
    (other) =>
      other.key === job.key &&
      other.run_attempt === job.run_attempt &&
      (other.state === "leased" || other.state === "running"),
  ).length;
}

function explainBlocked(job: JobView, { jobsById }: WaitFacts): string {
  if (job.run_waiting_reason !== null) return `its run waits for ${job.run_waiting_reason}`;
  if (job.held_reason !== null) return job.held_reason;
  const open = job.needs.flatMap((id) => {
    const need = jobsById.get(id);
    return need === undefined || need.state === "finished" ? [] : [need.name];
  });
  if (open.length === 0 && job.kind === "call") return "its needs are finished; it waits for others of its matrix";
  if (open.length === 0) return "its needs are finished; it is about to be queued";
  const [first] = open;
  return open.length === 1
    ? `it needs '${first ?? ""}', which is not finished`
    : `it needs ${open.length} jobs that are not finished`;
}

function explainQueued(job: JobView, { coverByLabelSet, jobsById }: WaitFacts): string {
  if (job.held_reason !== null) return job.held_reason;
  const cover = job.label_set_id === null ? undefined : coverByLabelSet.get(job.label_set_id);
  const labels = job.labels.join(", ");
  if (cover === undefined || cover.agents_known === 0) {
    return `no agent has ${job.labels.length === 1 ? "the label" : "all the labels"} ${labels}`;
  }
  if (cover.agents_ready === 0 && cover.pools_paused > 0) return `every pool that has the labels ${labels} is paused`;
  if (cover.agents_ready === 0) {
    return `${cover.agents_known === 1 ? "the one agent" : `all ${cover.agents_known} agents`} with the labels ${labels} ${
      cover.agents_known === 1 ? "is" : "are"
    } away or draining`;
  }
  if (job.not_before !== null && job.not_before.getTime() > job.created_at.getTime() && job.attempt_count > 0) {
    return "it is tried again after a pause";
  }
  if (job.max_parallel !== null && countRunning(job, jobsById) >= job.max_parallel) {
    return `only ${job.max_parallel === 1 ? "one job" : `${job.max_parallel} jobs`} of its matrix may run at a time`;
  }
  if (cover.slots_free === 0) {
    return `${cover.agents_ready === 1 ? "the agent" : `all ${cover.agents_ready} agents`} with the labels ${labels} ${
      cover.agents_ready === 1 ? "is" : "are"
    } busy`;
  }
  return "it is about to be offered to an agent";
}
