import type { Conclusion, JobId, JobState, NeedResult } from "@windrow/model";
import type { RunJob } from "@windrow/store";
import { mergeNeedOutputs, needResult } from "@windrow/workflow";

/** A job as it stands while a run is advanced: what is decided is seen by the next decision. */
export type GraphJob = { -readonly [K in keyof RunJob]: RunJob[K] };

export interface RunGraph {
  readonly jobs: readonly GraphJob[];
  /** Blocked jobs whose needs are all finished. */
  ready(): GraphJob[];
  /** The direct needs, one entry for each key in the order given. */
  needsOf(job: GraphJob, keys: readonly string[]): NeedResult[];
  /** Results of everything the job depends on, directly or not. */
  ancestorsOf(job: GraphJob): Conclusion[];
  settle(job: GraphJob, to: { readonly state: JobState; readonly conclusion: Conclusion | null }): void;
}

export function createRunGraph(rows: readonly RunJob[]): RunGraph {
  const jobs = rows.map((row): GraphJob => ({ ...row }));
  const byId = new Map<JobId, GraphJob>(jobs.map((job) => [job.id, job]));

  function find(id: JobId): GraphJob {
    const job = byId.get(id);
    if (job === undefined) throw new Error(`job ${id} is needed but is not of this run attempt`);
    return job;
  }

  return {
    jobs,
    ready: () =>
      jobs.filter((job) => job.state === "blocked" && job.needs.every((id) => find(id).state === "finished")),
    needsOf(job, keys) {
      const needed = job.needs.map(find).sort(byEnd);
      return keys.map((key) =>
        mergeNeedOutputs(
          key,
          needed.filter((need) => need.key === key).map((need) => ({ ...need, conclusion: concluded(need) })),
        ),
      );
    },
    ancestorsOf(job) {
      const seen = new Set<JobId>();
      const open = [...job.needs];
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (seen.has(id)) continue;
        seen.add(id);
        open.push(...find(id).needs);
      }
      return [...seen].map((id) => {
        const { continueOnError, ...ancestor } = find(id);
        return needResult({ conclusion: concluded(ancestor), continueOnError });
      });
    },
    settle(job, { state, conclusion }) {
      job.state = state;
      job.conclusion = conclusion;
    },
  };
}

function concluded(job: { readonly id: JobId; readonly conclusion: Conclusion | null }): Conclusion {
  if (job.conclusion === null) throw new Error(`job ${job.id} is not finished`);
  return job.conclusion;
}

const byEnd = (a: GraphJob, b: GraphJob): number =>
  (a.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY) - (b.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY) ||
  a.id - b.id;
