import type { JobId } from "@windrow/model";
import { expandJob, type LockedRun, type NewJob, openCall, type Tx } from "@windrow/store";
import { JOBS_MAX, resolveJobs } from "@windrow/workflow";
import { type AdvancePass, complainAt } from "./advance-pass.ts";
import { limitOf, toNewJob } from "./new-job.ts";
import type { GraphJob, RunGraph } from "./run-graph.ts";

/**
 * Inserts the jobs that became known: the rows of computed matrices and the jobs of called files. They are in the graph
 * then, to be decided like all others. The run's lock is held.
 */
export async function growRun(tx: Tx, run: LockedRun, graph: RunGraph, pass: AdvancePass): Promise<void> {
  const owner = {
    runId: run.id,
    runAttempt: run.attempt,
    repositoryId: run.repositoryId,
    owner: run.owner,
    trust: run.trust,
  };
  for (const { job, answer } of pass.toExpand.splice(0)) {
    const { combinations, failFast } = answer;
    if (!hasRoom(job, combinations.length - 1)) continue;
    const [first = {}] = combinations;
    const maxParallel = limitOf(answer.maxParallel, combinations.length);
    const { kind, key, name, parentJobId } = job;
    const ids = await expandJob(tx, owner, {
      jobId: job.id,
      parentJobId,
      combinations,
      job: { kind, key, name, failFast, maxParallel },
    });
    Object.assign(job, { matrix: first, matrixTotal: combinations.length, failFast, maxParallel, isExpanded: true });
    const rows = ids.map(
      (id, index): GraphJob => ({ ...job, id, matrix: combinations[index + 1] ?? {}, matrixIndex: index + 1 }),
    );
    for (const dependant of graph.jobs) {
      if (dependant.needs.includes(job.id)) dependant.needs = [...dependant.needs, ...ids];
    }
    graph.add(rows);
  }
  for (const { job, answer } of pass.toOpen.splice(0)) {
    job.inputs = answer.inputs;
    job.name = answer.name;
    const scope = pass.scopeOf(job, true);
    const seeds = resolveJobs({ scope, vars: run.vars, facts: pass.facts });
    if (!hasRoom(job, seeds.length)) continue;
    const jobs = seeds.map((seed) => toNewJob(seed, job));
    const ids = await openCall(tx, owner, { jobId: job.id, name: answer.name, inputs: answer.inputs, jobs });
    graph.settle(job, { state: "running", conclusion: null });
    graph.add(toGraphJobs(jobs, ids, job.id));
  }

  function hasRoom(job: GraphJob, more: number): boolean {
    if (graph.jobs.length + more <= JOBS_MAX) return true;
    const message = `the run would have ${graph.jobs.length + more} jobs; the limit is ${JOBS_MAX}`;
    const hint = "split it into several workflows";
    pass.fail(job, complainAt(pass, job, { code: "limit-jobs", message, hint }));
    return false;
  }
}

function toGraphJobs(jobs: readonly NewJob[], ids: readonly JobId[], parentJobId: JobId): GraphJob[] {
  const idsByKey = new Map<string, JobId[]>();
  jobs.forEach((job, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error(`job ${job.key} has no row`);
    idsByKey.set(job.key, [...(idsByKey.get(job.key) ?? []), id]);
  });
  return jobs.flatMap((job, index): GraphJob[] => {
    const id = ids[index];
    if (id === undefined) return [];
    return [
      {
        ...job,
        id,
        parentJobId,
        inputs: null,
        state: "blocked",
        conclusion: null,
        continueOnError: false,
        outputs: {},
        cancelRequested: false,
        isHeld: false,
        isCopied: false,
        finishedAt: null,
        needs: job.needs.flatMap((key) => idsByKey.get(key) ?? []),
      },
    ];
  });
}
