import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ pool: SHORT_TIMES });
});
afterAll(() => farm?.stop());

const HOLD = "delay=700";

interface Point {
  readonly when: string;
  /** `process failpoint`: the cancel is asked for while the process is held there. */
  readonly heldAt?: readonly [process: string, failpoint: string];
  /** What must have happened before the cancel is asked for. */
  readonly until?: (facts: { runId: number; marker: Marker }) => Promise<boolean> | boolean;
  /** The steps end by themselves. */
  readonly isOpen?: boolean;
}

const jobState = async (runId: number, state: string) =>
  (await farm.jobs(runId)).some((job) => job.key === "only" && job.state === state);

const POINTS: Point[] = [
  {
    when: "queued, no agent takes work",
    until: async ({ runId }) => jobState(runId, "queued"),
  },
  { when: "granted, offer not sent", heldAt: ["controller-0", "controller.after-grant-commit"] },
  { when: "offered, not answered", heldAt: ["agent-1", "agent.before-accept"] },
  { when: "accepted, start not asked for", heldAt: ["agent-1", "agent.after-accept"] },
  { when: "start committed, plan not sent", heldAt: ["controller-0", "controller.before-start-reply"] },
  { when: "plan received, no step begun", heldAt: ["agent-1", "agent.before-first-step"] },
  { when: "first step running", until: ({ marker }) => marker.isOpen("begun") },
  {
    when: "second step running",
    until: ({ marker }) => {
      marker.open("go");
      return marker.isOpen("second");
    },
  },
  { when: "steps over, finish not sent", heldAt: ["agent-1", "agent.before-finish"], isOpen: true },
  { when: "finish committed, not answered", heldAt: ["controller-0", "controller.after-finish-commit"], isOpen: true },
  {
    when: "running, controller just started again",
    until: async ({ marker }) => {
      if (!marker.isOpen("begun")) return false;
      await farm.controllers[0]?.child.kill();
      await farm.startController(0);
      return true;
    },
  },
  { when: "over", isOpen: true, until: ({ runId }) => jobState(runId, "finished") },
];

test.each(POINTS)("F28: a cancel while $when leads to one outcome and leaves nothing", async (point) => {
  const takesWork = point.when !== "queued, no agent takes work";
  if (!takesWork) await farm.api("POST", "/api/v1/agents/agent-1/drain", { body: { reason: "test" } });
  const held = point.heldAt === undefined ? undefined : farm.arm(point.heldAt[0], `${point.heldAt[1]}:${HOLD}`);
  const marker = new Marker();
  if (point.isOpen) for (const gate of ["go", "go2"]) marker.open(gate);
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: ${marker.line}; ${marker.openLine("begun")}; ${marker.waitLine("go")}
      - run: ${marker.openLine("second")}; ${marker.waitLine("go2")}
  dependant:
    needs: only
    runs-on: linux
    steps:
      - run: ${marker.waitLine("never")}
`,
  );
  await held?.struck();
  if (point.until !== undefined) {
    await waitFor(`the point: ${point.when}`, () => point.until?.({ runId, marker }));
  }
  await farm.api("POST", `/api/v1/runs/${runId}/cancel`, { body: { reason: "the test asked" } });
  const run = await farm.waitRunFinished(runId, 30_000);
  const only = (await farm.jobs(runId)).find((job) => job.key === "only");
  expect(point.isOpen ? ["cancelled", "succeeded"] : ["cancelled"]).toContain(only?.outcome);
  expect(run.conclusion).toBe("cancelled");
  if (!takesWork) await farm.api("POST", "/api/v1/agents/agent-1/resume", { body: {} });
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("a cancelled job still runs its always() and cancelled() steps, and its receipt says that nothing is left", async () => {
  const marker = new Marker();
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: ${marker.openLine("begun")}; ${marker.waitLine("never")}
      - run: echo skipped
      - if: cancelled()
        run: echo cleaned up
      - if: always()
        run: echo at last
`,
  );
  await waitFor("the step to have begun", () => marker.isOpen("begun"));
  await farm.api("POST", `/api/v1/runs/${runId}/cancel`, { body: { reason: "the test asked" } });
  expect((await farm.waitRunFinished(runId, 30_000)).conclusion).toBe("cancelled");
  const [job] = await farm.jobs(runId);
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "2" })).toString()).toBe("cleaned up\n");
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "3" })).toString()).toBe("at last\n");
  const [attempt] = await farm.attempts(runId);
  expect(attempt?.receipt?.leftCount).toBe(0);
  expect(await checkHistory(farm)).toEqual([]);
});
