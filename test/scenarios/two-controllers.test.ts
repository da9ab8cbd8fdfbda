import { afterAll, beforeAll, expect, test } from "vitest";
import { SHORT_TIMES } from "../faults/short-times.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { findSessionHolder } from "../kit/find-session-holder.ts";
import { followRun } from "../kit/follow-run.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ controllers: 2, agents: 1, pool: SHORT_TIMES });
});
afterAll(() => farm?.stop());

test("a controller with the agent's session dies: the watcher on the other one sees every byte once, nothing fails", async () => {
  const holder = await findSessionHolder(farm);
  const other = 1 - holder;
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
          while [ $i -lt 300 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; [ $i != 50 ] || ${marker.openLine("begun")}; done
`,
    { controller: other },
  );
  const watcher = followRun(farm, { runId, controller: other });
  await waitFor("50 lines to be written", () => marker.isOpen("begun"));
  await farm.controllers[holder]?.child.kill();
  const run = await farm.waitRunFinished(runId);
  await watcher.ended;
  expect(run.conclusion).toBe("success");
  expect(watcher.seen.conclusion).toBe("success");
  expect(watcher.seen.breaks).toEqual([]);
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state])).toEqual([[1, "finished"]]);
  const expected = Array.from({ length: 300 }, (_, i) => `line ${i + 1}\n`).join("");
  expect(watcher.seen.logs.get(`${attempts[0]?.id}/1`)?.toString()).toBe(expected);
  const [job] = await farm.jobs(runId);
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "1", controller: other })).toString()).toBe(expected);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
  await farm.startController(holder);
});
