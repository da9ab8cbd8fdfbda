import fc from "fast-check";
import { expect, it } from "vitest";
import { concludeRun } from "./conclusions.ts";
import { decideCancel } from "./decide-cancel.ts";
import { decideFailFast, type MatrixSibling } from "./decide-fail-fast.ts";
import { asJobId, type JobId } from "./ids.ts";
import { jobStatus } from "./job-status.ts";
import type { Conclusion, JobState } from "./states.ts";

/** A job of a run that is played from its start to its end, by the rules alone. */
interface PlayedJob extends MatrixSibling {
  state: JobState;
  conclusion: Conclusion | null;
  readonly needs: readonly JobId[];
  readonly condition: "success()" | "failure()" | "always()" | "!cancelled()";
  /** How it ends when an agent runs it. */
  readonly ends: Conclusion;
}

const jobsOf = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(15), { maxLength: 3 }),
      condition: fc.constantFrom("success()", "failure()", "always()", "!cancelled()"),
      ends: fc.constantFrom<Conclusion>("success", "failure", "cancelled"),
      rows: fc.integer({ min: 1, max: 3 }),
      failFast: fc.boolean(),
      continueOnError: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((keys) => {
    const idsOf = new Map<number, JobId[]>();
    let lastId = 0;
    return keys.flatMap(({ needs, rows, ...rest }, at) => {
      const ids = Array.from({ length: rows }, () => asJobId(++lastId));
      idsOf.set(at, ids);
      const needed = [...new Set(needs.filter((need) => need < at))].flatMap((need) => idsOf.get(need) ?? []);
      return ids.map(
        (id): PlayedJob => ({
          ...rest,
          id,
          key: `k${at}`,
          needs: needed,
          matrixTotal: rows,
          isCopied: false,
          state: "blocked",
          conclusion: null,
        }),
      );
    });
  });

function isWanted(job: PlayedJob, all: readonly PlayedJob[], isRunCancelled: boolean): boolean {
  const status = jobStatus(listAncestors(job, all), isRunCancelled);
  switch (job.condition) {
    case "success()":
      return status.success;
    case "failure()":
      return status.failure;
    case "always()":
      return true;
    case "!cancelled()":
      return !status.cancelled;
  }
}

function listAncestors(job: PlayedJob, all: readonly PlayedJob[]): Conclusion[] {
  const seen = new Set<PlayedJob>();
  const open = [...job.needs];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const need = all.find((one) => one.id === id);
    if (need === undefined || seen.has(need)) continue;
    seen.add(need);
    open.push(...need.needs);
  }
  return [...seen].map((one) =>
    one.conclusion === "failure" && one.continueOnError ? "success" : (one.conclusion ?? "failure"),
  );
}

function finish(job: PlayedJob, conclusion: Conclusion): void {
  expect(job.state).not.toBe("finished");
  job.state = "finished";
  job.conclusion = conclusion;
}

/** Plays a run: `next` picks which open job ends, `cancelAt` is the step at which somebody cancels. */
function play(jobs: PlayedJob[], next: (count: number) => number, cancelAt: number): Conclusion {
  let isCancelled = false;
  for (let step = 0; jobs.some((job) => job.state !== "finished"); step += 1) {
    expect(step, "a run must not stand still").toBeLessThan(jobs.length * 4 + 10);
    if (step === cancelAt) {
      isCancelled = true;
      for (const job of jobs) {
        const mayRun = job.state !== "finished" && isWanted(job, jobs, true);
        if (decideCancel({ state: job.state, kind: "ordinary", isWanted: mayRun, isAgain: false }) !== "leave")
          finish(job, "cancelled");
      }
    }
    for (const job of jobs) {
      const isReady = job.needs.every((id) => jobs.some((one) => one.id === id && one.state === "finished"));
      if (job.state !== "blocked" || !isReady) continue;
      if (isWanted(job, jobs, isCancelled)) job.state = "running";
      else finish(job, isCancelled ? "cancelled" : "skipped");
    }
    const running = jobs.filter((job) => job.state === "running");
    const ended = running[next(running.length)];
    if (ended !== undefined) finish(ended, ended.ends);
    for (const id of decideFailFast(jobs)) {
      const sibling = jobs.find((job) => job.id === id);
      if (sibling !== undefined) finish(sibling, "cancelled");
    }
  }
  return concludeRun(
    jobs.map(({ conclusion, continueOnError }) => ({ conclusion: conclusion ?? "failure", continueOnError })),
  );
}

const copy = (jobs: readonly PlayedJob[]) => jobs.map((job) => ({ ...job }));

it("every job of every run ends, cancelled or not, whatever fails", () => {
  fc.assert(
    fc.property(jobsOf, fc.array(fc.nat(), { minLength: 1 }), fc.nat(20), (jobs, picks, cancelAt) => {
      let at = 0;
      play(copy(jobs), (count) => (picks[at++ % picks.length] ?? 0) % Math.max(1, count), cancelAt);
    }),
  );
});

it("a job without a status function runs only when everything before it succeeded", () => {
  fc.assert(
    fc.property(jobsOf, (jobs) => {
      const played = copy(jobs);
      play(played, () => 0, -1);
      for (const job of played.filter((one) => one.condition === "success()" && one.conclusion !== "skipped")) {
        const isTaken = job.conclusion === "cancelled";
        expect(isTaken || listAncestors(job, played).every((result) => result === "success")).toBe(true);
      }
    }),
  );
});

it("without fail-fast the order in which jobs end changes no result", () => {
  fc.assert(
    fc.property(jobsOf, (jobs) => {
      const patient = jobs.map((job) => ({ ...job, failFast: false }));
      const [first, last] = [copy(patient), copy(patient)];
      expect(play(first, () => 0, -1)).toBe(play(last, (count) => count - 1, -1));
      expect(first.map((job) => job.conclusion)).toEqual(last.map((job) => job.conclusion));
    }),
  );
});

it("a cancelled run starts nothing but what asks to run after a cancel", () => {
  fc.assert(
    fc.property(jobsOf, (jobs) => {
      const played = copy(jobs);
      play(played, () => 0, 0);
      for (const job of played) {
        if (job.condition !== "always()") expect(job.conclusion).toBe("cancelled");
      }
    }),
  );
});
