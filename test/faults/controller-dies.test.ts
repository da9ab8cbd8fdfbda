import { createHash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { findSessionHolder } from "../kit/find-session-holder.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm;
afterEach(() => farm?.stop());

const oneStep = (line: string) => `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: ${line}
`;

test("F01: a controller that dies between the grant and the offer costs one expired offer, and the job runs once", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES });
  farm.arm("controller-0", "controller.after-grant-commit:kill");
  const marker = new Marker();
  const { runId } = await pushUnderKill(oneStep(marker.line));
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  // the offer that was never sent either expired, or was pushed down the session once the agent was back in time
  expect(attempts.at(-1)?.outcome).toBe("succeeded");
  expect(attempts.slice(0, -1).every((attempt) => attempt.state === "expired")).toBe(true);
  expect(marker.marks()).toHaveLength(1);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("F02: a controller that dies before it answers StartAttempt leads to the same attempt, started once, by the next", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES, controllers: 2 });
  const holder = await findSessionHolder(farm);
  farm.arm(`controller-${holder}`, "controller.before-start-reply:kill");
  const marker = new Marker();
  const { runId } = await pushWorkflow(farm, oneStep(marker.line), { controller: 1 - holder });
  expect((await farm.controllers[holder]?.child.exited)?.signal).toBe("SIGKILL");
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state])).toEqual([[1, "finished"]]);
  expect(marker.marks()).toHaveLength(1);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("F03: a controller that is killed mid-step and away for longer than a lease interrupts no step and loses no byte", async () => {
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
      - run: ${marker.line}
      - run: |
          i=0
          ${marker.openLine("begun")}
          while [ ! -e "${marker.file}.stop" ] && [ $i -lt 4000 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; [ $i -ge 700 ] && break; done
          echo "end"
`,
  );
  await waitFor("the step to have begun", () => marker.isOpen("begun"));
  await farm.controllers[0]?.child.kill();
  const agentPid = farm.agent("agent-1").child.pid;
  // longer than lost_after (3 s), while the step goes on and ends
  const downSince = performance.now();
  await waitFor("the outage to have lasted", () => performance.now() - downSince > 5_000, { withinMs: 10_000 });
  await farm.startController(0);
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  expect(farm.agent("agent-1").child.pid).toBe(agentPid);
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state])).toEqual([[1, "finished"]]);
  const [job] = await farm.jobs(runId);
  const log = await readLog(farm, { jobId: job?.id ?? 0, stream: "1" });
  const expected = `${Array.from({ length: 700 }, (_, i) => `line ${i + 1}\n`).join("")}end\n`;
  expect(createHash("sha256").update(log).digest("hex")).toBe(createHash("sha256").update(expected).digest("hex"));
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("a controller killed between a ref's update and the run's insertion builds that push exactly once", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES });
  farm.arm("controller-0", "controller.before-run-insert:kill");
  const marker = new Marker();
  const { runId } = await pushUnderKill(oneStep(marker.line));
  await farm.waitRunFinished(runId);
  const runs = await farm.db.selectFrom("runs").select("id").execute();
  expect(runs).toHaveLength(1);
  expect(marker.marks()).toHaveLength(1);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

/** Pushes, waits for the controller to die of its failpoint, starts it again, and gives the run that the push led to. */
async function pushUnderKill(workflow: string) {
  const dying = farm.controllers[0]?.child;
  const pushed = pushWorkflow(farm, workflow, { pushMayFail: true });
  expect((await dying?.exited)?.signal).toBe("SIGKILL");
  farm.arm("controller-0", undefined);
  await farm.startController(0);
  return pushed;
}
