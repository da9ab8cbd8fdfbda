import type { Conclusion, JobId, JobState, NeedResult } from "@windrow/model";
import type { RunJob } from "@windrow/store";
import { mergeNeedOutputs, needResult } from "@windrow/workflow";
import { localKey } from "./job-path.ts";

/** A job as it stands while a run is advanced: what is decided is seen by the next decision. */
export type GraphJob = { -readonly [K in keyof RunJob]: RunJob[K] } & {
  /** It was looked at in this pass and has to wait. */
  isPutOff?: boolean;
  /** Its computed matrix was made in this pass. */
  isExpanded?: boolean;
};

export interface RunGraph {
  readonly jobs: readonly GraphJob[];
  /** Blocked jobs for which everything they depend on is finished; of the calls of a matrix as many as may be open at once. */
  ready(): GraphJob[];
  /** Open calls whose inner jobs are all finished. */
  endedCalls(): GraphJob[];
  /** The jobs of the called file. */
  insideOf(call: GraphJob): readonly GraphJob[];
  /** The calls that the job stands in, the outermost first. */
  callsOf(job: GraphJob): GraphJob[];
  /** The direct needs, one entry for each key in the order given. */
  needsOf(job: GraphJob, keys: readonly string[]): NeedResult[];
  /** Jobs of one file by key, rows of one key as one. */
  resultsOf(jobs: readonly GraphJob[]): { readonly [key: string]: NeedResult };
  /** Results of everything the job depends on in its file, directly or not. */
  ancestorsOf(job: GraphJob): Conclusion[];
  settle(job: GraphJob, to: { readonly state: JobState; readonly conclusion: Conclusion | null }): void;
  /** Takes in rows that were inserted while the run is advanced. */
  add(rows: readonly GraphJob[]): void;
}

export function createRunGraph(rows: readonly RunJob[]): RunGraph {
  const jobs: GraphJob[] = [];
  const byId = new Map<JobId, GraphJob>();
  const inside = new Map<JobId, GraphJob[]>();
  const over = new Set<JobId>();
  add(rows.map((row) => ({ ...row })));

  function add(more: readonly GraphJob[]): void {
    for (const job of more) {
      jobs.push(job);
      byId.set(job.id, job);
      if (job.parentJobId === null) continue;
      const siblings = inside.get(job.parentJobId);
      if (siblings === undefined) inside.set(job.parentJobId, [job]);
      else siblings.push(job);
    }
  }

  function find(id: JobId): GraphJob {
    const job = byId.get(id);
    if (job === undefined) throw new Error(`job ${id} is needed but is not of this run attempt`);
    return job;
  }

  /** A job that was cancelled while it waited ended before what it waited for: nothing that needs it can be judged yet. */
  const isOver = (id: JobId): boolean => {
    if (over.has(id)) return true;
    const job = find(id);
    if (job.state !== "finished" || !job.needs.every(isOver)) return false;
    over.add(id);
    return true;
  };

  const isReady = (job: GraphJob): boolean =>
    job.state === "blocked" && job.isPutOff !== true && job.needs.every(isOver);

  const insideOf = (call: GraphJob): readonly GraphJob[] => inside.get(call.id) ?? [];

  /** Calls are never queued, so nobody else counts them. */
  function takeCalls(ready: readonly GraphJob[]): GraphJob[] {
    if (!ready.some((job) => job.kind === "call" && job.maxParallel !== null)) return [...ready];
    const open = new Map<string, number>();
    for (const job of jobs) if (isOpenCall(job)) open.set(job.key, (open.get(job.key) ?? 0) + 1);
    return ready.filter((job) => {
      if (job.kind !== "call" || job.maxParallel === null) return true;
      const count = open.get(job.key) ?? 0;
      if (count >= job.maxParallel) return false;
      open.set(job.key, count + 1);
      return true;
    });
  }

  return {
    jobs,
    add,
    insideOf,
    ready: () => takeCalls(jobs.filter(isReady)),
    endedCalls: () =>
      jobs.filter((job) => isOpenCall(job) && insideOf(job).every((inner) => inner.state === "finished")),
    callsOf(job) {
      const calls: GraphJob[] = [];
      for (let id = job.parentJobId; id !== null; ) {
        const call = find(id);
        calls.unshift(call);
        id = call.parentJobId;
      }
      return calls;
    },
    needsOf(job, keys) {
      const needed = job.needs.map(find);
      return keys.map((key) => merge(key, needed));
    },
    resultsOf(all) {
      const keys = new Set(all.map((job) => localKey(job.key)));
      return Object.fromEntries([...keys].map((key) => [key, merge(key, all)]));
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

const isOpenCall = (job: GraphJob): boolean => job.kind === "call" && job.state === "running";

function merge(key: string, jobs: readonly GraphJob[]): NeedResult {
  const rows = jobs.filter((job) => localKey(job.key) === key).sort(byEnd);
  return mergeNeedOutputs(
    key,
    rows.map((row) => ({ ...row, conclusion: concluded(row) })),
  );
}

function concluded(job: { readonly id: JobId; readonly conclusion: Conclusion | null }): Conclusion {
  if (job.conclusion === null) throw new Error(`job ${job.id} is not finished`);
  return job.conclusion;
}

const byEnd = (a: GraphJob, b: GraphJob): number =>
  (a.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY) - (b.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY) ||
  a.id - b.id;
