import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideRerun, type RerunJob, type RerunMode } from "./decide-rerun.ts";
import { asJobId } from "./ids.ts";

const job = (id: number, needs: readonly number[], change: Partial<RerunJob> = {}): RerunJob => ({
  id: asJobId(id),
  key: `job${id}`,
  kind: "ordinary",
  parentJobId: null,
  needs: needs.map(asJobId),
  conclusion: "success",
  matrixIndex: 0,
  isComputed: false,
  ...change,
});
const failed = { conclusion: "failure" } as const;
const call = { kind: "call" } as const;
const inside = (id: number) => ({ parentJobId: asJobId(id) });
const row = (matrixIndex: number, change: Partial<RerunJob> = {}) => ({ key: "m", matrixIndex, ...change });
const computed = { isComputed: true } as const;

/** a → b → c, where b failed, so that c was skipped; d stands alone. */
const CHAIN = [job(1, []), job(2, [1], failed), job(3, [2], { conclusion: "skipped" }), job(4, [])];
/** 1 → call 2 (its jobs: 3 → 4 failed, and 5) → 6. */
const CALLED = [
  job(1, []),
  job(2, [1], { ...call, ...failed }),
  job(3, [], inside(2)),
  job(4, [3], { ...inside(2), ...failed }),
  job(5, [], inside(2)),
  job(6, [2], { conclusion: "skipped" }),
];
/** 1 gives the matrix of 2, 3, 4, of which 3 failed. */
const COMPUTED = [
  job(1, []),
  job(2, [1], row(0, computed)),
  job(3, [1], row(1, { ...computed, ...failed })),
  job(4, [1], row(2, computed)),
];

describe("decideRerun", () => {
  it.each<[string, RerunJob[], RerunMode, number[], number[], number[]]>([
    ["all takes every job", CHAIN, "all", [1, 2, 3, 4], [], []],
    ["failed takes what did not succeed and what depends on it", CHAIN, "failed", [2, 3], [], []],
    ["one job takes what depends on it", CHAIN, { jobId: 1 }, [1, 2, 3], [], []],
    ["one job alone", CHAIN, { jobId: 4 }, [4], [], []],
    ["a job that is not there", CHAIN, { jobId: 99 }, [], [], []],
    ["failed where nothing failed", [job(1, []), job(2, [1])], "failed", [], [], []],
    ["a dependant that stands before its need", [job(2, [1]), job(1, [], failed)], "failed", [2, 1], [], []],
    ["a dependant that succeeded all the same", [job(1, [], failed), job(2, [1])], "failed", [1, 2], [], []],
    ["a cancelled job did not succeed", [job(1, [], { conclusion: "cancelled" })], "failed", [1], [], []],
    ["rows of a static matrix keep apart", [job(1, [], row(0)), job(2, [], row(1, failed))], "failed", [2], [], []],
    ["all opens calls anew, without their jobs", CALLED, "all", [1, 2, 6], [], [3, 4, 5]],
    ["failed goes on inside a call, and after it", CALLED, "failed", [4, 6], [2], []],
    ["a call itself is opened anew", CALLED, { jobId: 2 }, [2, 6], [], [3, 4, 5]],
    ["what a call needs opens it anew", CALLED, { jobId: 1 }, [1, 2, 6], [], [3, 4, 5]],
    ["one job inside a call", CALLED, { jobId: 3 }, [3, 4, 6], [2], []],
    ["a call that failed before it was open", [job(1, [], { ...call, ...failed })], "failed", [1], [], []],
    [
      "a call inside a call",
      [job(1, [], call), job(2, [], { ...call, ...inside(1) }), job(3, [], { ...inside(2), ...failed })],
      "failed",
      [3],
      [1, 2],
      [],
    ],
    ["a failed row of a computed matrix keeps its row", COMPUTED, "failed", [3], [], []],
    ["a computed matrix whose needs run again is computed again", COMPUTED, { jobId: 1 }, [1, 2], [], [3, 4]],
    ["all computes matrices again", COMPUTED, "all", [1, 2], [], [3, 4]],
  ])("%s", (_, jobs, mode, again, reopened, dropped) => {
    const recomputed = again.filter((id) => dropped.length > 0 && jobs.find((one) => one.id === id)?.isComputed);
    expect(decideRerun(jobs, mode)).toEqual({ again, reopened, dropped, recomputed });
  });

  it("leaves no job whose need runs again, and says one thing of each, in whatever order they come", () => {
    const runs = fc
      .array(fc.record({ needs: fc.array(fc.nat(30), { maxLength: 3 }), isFailed: fc.boolean() }), { maxLength: 30 })
      .map((all) =>
        all.map(({ needs, isFailed }, at) => {
          const earlier = [...new Set(needs.filter((need) => need < at))];
          return job(at, earlier, isFailed ? failed : {});
        }),
      );
    fc.assert(
      fc.property(runs, (jobs) => {
        const { again } = decideRerun(jobs, "failed");
        const chosen = new Set(again);
        for (const one of jobs) {
          expect(chosen.has(one.id)).toBe(one.conclusion === "failure" || one.needs.some((need) => chosen.has(need)));
        }
        expect(new Set(decideRerun(jobs.toReversed(), "failed").again)).toEqual(chosen);
      }),
    );
  });
});
