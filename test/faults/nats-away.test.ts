import { afterEach, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { readMetric } from "../kit/metric.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm;
afterEach(() => farm?.stop());

const workflow = (marker: Marker) => `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: ${marker.line}
`;

test("F12: with only NATS out of an agent's reach, jobs reach it by its gRPC session", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES });
  farm.natsProxy.cut();
  for (let no = 0; no < 3; no++) {
    const marker = new Marker();
    const { runId } = await pushWorkflow(farm, workflow(marker));
    const run = await farm.waitRunFinished(runId);
    expect(run.conclusion).toBe("success");
    expect((await farm.attempts(runId)).map((attempt) => [attempt.no, attempt.state])).toEqual([[1, "finished"]]);
    expect(marker.marks()).toHaveLength(1);
  }
  farm.natsProxy.heal();
  expect(await checkHistory(farm)).toEqual([]);
});

test("F14: nats-server killed and started again with an empty store loses no job and costs no agent its life", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES, agents: 2 });
  const pids = farm.agents.map((agent) => agent.child.pid);
  const marker = new Marker();
  const runIds: number[] = [];
  const push = async () => {
    const pushed = await pushWorkflow(farm, workflow(marker), { files: { "no.txt": String(runIds.length) } });
    runIds.push(pushed.runId);
  };
  await push();
  const connected = () => readMetric(farm, "windrow_nats_connected");
  expect(await connected()).toBe(1);
  process.kill(farm.nats.pid, "SIGKILL");
  await waitFor("the controller to notice", async () => (await connected()) === 0);
  for (let no = 0; no < 4; no++) await push();
  for (const runId of runIds) expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  farm.nats = await farm.nats.restart({ isStoreEmpty: true });
  for (let no = 0; no < 2; no++) await push();
  for (const runId of runIds) expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  await waitFor("the controller to be connected again", async () => (await connected()) === 1, { withinMs: 30_000 });
  const unanswered = () => readMetric(farm, "windrow_offer_unanswered_total");
  await waitFor(
    "offers to be answered over NATS again",
    async () => {
      const before = await unanswered();
      for (const _ of farm.agents) {
        await push();
        await farm.waitRunFinished(runIds.at(-1) ?? 0);
      }
      return (await unanswered()) === before;
    },
    { withinMs: 30_000 },
  );
  expect(farm.agents.map((agent) => agent.child.pid)).toEqual(pids);
  expect(marker.marks()).toHaveLength(runIds.length);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 60_000);
