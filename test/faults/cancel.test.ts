import { afterEach, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm;
afterEach(() => farm?.stop());

const HOLD = "delay=700";

interface Point {
  readonly when: string;
  readonly controllerFailpoint?: string;
  readonly agentFailpoint?: string;
  readonly agents?: number;
  /** What must have happened before the cancel is asked for. */
  readonly until: (facts: { runId: number; marker: Marker }) => Promise<boolean> | boolean;
  /** The job was so far that its own result may stand. */
  readonly mayFinish?: boolean;
}

const jobState = async (runId: number, state: string) =>
  (await farm.jobs(runId)).some((job) => job.state === state && job.key === "only");
const attemptState = async (runId: number, state: string) =>
  (await farm.attempts(runId)).some((one) => one.state === state);
const struck = async (who: "agent" | "controller") => {
  const child = who === "agent" ? farm.agent("agent-1").child : farm.controllers[0]?.child;
  return (await child?.line("failpoint")) !== undefined;
};

const POINTS: Point[] = [
  { when: "the job is queued, with no agent there", agents: 0, until: ({ runId }) => jobState(runId, "queued") },
  {
    when: "the grant is committed and the offer not sent",
    controllerFailpoint: `controller.after-grant-commit:${HOLD}`,
    until: () => struck("controller"),
  },
  {
    when: "the agent has the offer and has not answered",
    agentFailpoint: `agent.before-accept:${HOLD}`,
    until: () => struck("agent"),
  },
  {
    when: "the agent accepted and has not asked to start",
    agentFailpoint: `agent.after-accept:${HOLD}`,
    until: () => struck("agent"),
  },
  {
    when: "the start is committed and not answered",
    controllerFailpoint: `controller.before-start-reply:${HOLD}`,
    until: () => struck("controller"),
  },
  {
    when: "the agent has the plan and no process",
    agentFailpoint: `agent.before-first-step:${HOLD}`,
    until: () => struck("agent"),
  },
  { when: "the first step runs", until: ({ marker }) => marker.isOpen("begun") },
  {
    when: "the job has reported a step and the next runs",
    until: ({ marker }) => {
      marker.open("go");
      return marker.isOpen("second");
    },
  },
  {
    when: "the steps are over and the finish is not sent",
    agentFailpoint: `agent.before-finish:${HOLD}`,
    until: ({ marker }) => {
      marker.open("go");
      marker.open("go2");
      return struck("agent");
    },
    mayFinish: true,
  },
  {
    when: "the finish is committed and not answered",
    controllerFailpoint: `controller.after-finish-commit:${HOLD}`,
    until: ({ marker }) => {
      marker.open("go");
      marker.open("go2");
      return struck("controller");
    },
    mayFinish: true,
  },
  {
    when: "the attempt is running while the controller has just started again",
    until: async ({ runId, marker }) => {
      if (!marker.isOpen("begun")) return false;
      await farm.controllers[0]?.child.kill();
      await farm.startController(0);
      return attemptState(runId, "running");
    },
  },
  {
    when: "everything is over",
    until: ({ runId, marker }) => {
      marker.open("go");
      marker.open("go2");
      return jobState(runId, "finished");
    },
    mayFinish: true,
  },
];

test.each(POINTS)("F28: a cancel while $when ends in one outcome and leaves nothing", async (point) => {
  farm = await Farm.start({ pool: SHORT_TIMES, agents: 0 });
  if (point.controllerFailpoint !== undefined) {
    await farm.controllers[0]?.child.stop();
    await farm.startController(0, { failpoints: point.controllerFailpoint });
  }
  if (point.agents !== 0) {
    await farm.startAgent({
      name: "agent-1",
      ...(point.agentFailpoint === undefined ? {} : { failpoints: point.agentFailpoint }),
    });
  }
  const marker = new Marker();
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
      - run: echo never
`,
  );
  await waitFor(`the point: ${point.when}`, () => point.until({ runId, marker }));
  await farm.api("POST", `/api/v1/runs/${runId}/cancel`, { body: { reason: "the test asked" } });
  const run = await farm.waitRunFinished(runId, 30_000);
  const jobs = await farm.jobs(runId);
  const only = jobs.find((job) => job.key === "only");
  if (point.mayFinish) expect(["cancelled", "succeeded"]).toContain(only?.outcome);
  else expect(only?.outcome).toBe("cancelled");
  if (!point.mayFinish) expect(run.conclusion).toBe("cancelled");
  const attempts = await farm.attempts(runId);
  expect(attempts.filter((attempt) => attempt.state === "finished").length).toBeLessThanOrEqual(1);
  if (point.agents !== 0) expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("a cancelled job still runs its always() and cancelled() steps, and its receipt says that nothing is left", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES });
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
