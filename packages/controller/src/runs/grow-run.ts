import type { JobId } from "@windrow/model";
import { expandJob, type LockedRun, type NewJob, openCall, type Tx } from "@windrow/store";
import { JOBS_MAX, resolveJobs } from "@windrow/workflow";
import { type AdvancePass, complainAt } from "./advance-pass.ts";
import { countNeeds, NEEDS_MAX } from "./count-needs.ts";
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
    const dependants = graph.jobs.filter((other) => other.needs.includes(job.id));
    const more = combinations.length - 1;
    if (!hasRoom(job, { jobs: more, needs: more * (job.needs.length + dependants.length) })) continue;
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
    for (const dependant of dependants) dependant.needs = [...dependant.needs, ...ids];
    graph.add(rows);
  }
  for (const { job, answer } of pass.toOpen.splice(0)) {
    job.inputs = answer.inputs;
    job.name = answer.name;
    const scope = pass.scopeOf(job, true);
    const seeds = resolveJobs({ scope, vars: run.vars, facts: pass.facts });
    const jobs = seeds.map((seed) => toNewJob(seed, job));
    if (!hasRoom(job, { jobs: jobs.length, needs: countNeeds(jobs) })) continue;
    const ids = await openCall(tx, owner, { jobId: job.id, name: answer.name, inputs: answer.inputs, jobs });
    graph.settle(job, { state: "running", conclusion: null });
    graph.add(toGraphJobs(jobs, ids, job.id));
  }

  function hasRoom(job: GraphJob, more: { readonly jobs: number; readonly needs: number }): boolean {
    const jobsCount = graph.jobs.length + more.jobs;
    const needsCount = graph.jobs.reduce((sum, one) => sum + one.needs.length, more.needs);
    if (jobsCount <= JOBS_MAX && needsCount <= NEEDS_MAX) return true;
    const complaint =
      jobsCount > JOBS_MAX
        ? {
            code: "limit-jobs",
            message: `the run would have ${jobsCount} jobs; the limit is ${JOBS_MAX}`,
            hint: "split it into several workflows",
          }
        : {
            code: "limit-needs",
            message: `'needs' between the jobs of the run would come to ${needsCount}; the limit is ${NEEDS_MAX}`,
            hint: "put a job without a matrix between two large matrices",
          };
    pass.fail(job, complainAt(pass, job, complaint));
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
