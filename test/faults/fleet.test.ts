import { systemClock } from "@windrow/service";
import { afterEach, expect, test } from "vitest";
import { percentile } from "../bench/percentile.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { matrixOf } from "../kit/matrix-workflow.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { SimulatedAgents } from "../kit/simulated-agents.ts";
import { waitFor } from "../kit/wait-for.ts";

const AGENTS = 500;
const WINDOW_MS = 100;
const RELEASE_OVER_MS = 3_000;

let farm: Farm | undefined;
let fleet: SimulatedAgents | undefined;
afterEach(async () => {
  await fleet?.stop();
  await farm?.stop();
});

test("F31: 500 agents find a restarted controller again without storming it, and lose nothing", async () => {
  farm = await Farm.start({ agents: 0, logLevel: "warn" });
  // a restarted controller leaves NATS alone
  fleet = await SimulatedAgents.join(farm, { count: AGENTS, hasNats: false });
  await fleet.start(120_000);
  fleet.holdJobs();
  const { runId } = await pushWorkflow(farm, matrixOf(AGENTS));
  const { record } = fleet;
  await waitFor("every agent to have a job", () => record.begun.length === AGENTS, {
    withinMs: 60_000,
    describe: () => record.begun.length,
  });
  const connectsBefore = record.connectsAt.length;
  await farm.controllers[0]?.child.kill();
  await farm.startController(0);
  const readyAt = systemClock.monotonicMs();
  await fleet.allConnected(60_000);

  // what the controller saw: tries that were made when nobody listened cost it nothing
  const connects = record.connectsAt.slice(connectsBefore).filter((at) => at >= readyAt);
  const windows = Map.groupBy(connects, (at) => Math.floor((at - readyAt) / WINDOW_MS));
  const peak = Math.max(...[...windows.values()].map((tries) => tries.length));
  const mean = (connects.length * WINDOW_MS) / (Math.max(...connects) - readyAt);
  expect(peak / mean).toBeLessThanOrEqual(3);

  const beatsBefore = record.heartbeatMs.length;
  await waitFor(
    "every agent to have had a heartbeat answered",
    () => record.heartbeatMs.length >= beatsBefore + AGENTS,
  );
  expect(percentile(record.heartbeatMs.slice(beatsBefore), 0.99)).toBeLessThan(1_000);
  // each opens a connection for its log: all at once would only measure this process
  fleet.release(RELEASE_OVER_MS);
  await waitFor("every job to be done", () => record.finished.length === AGENTS, {
    withinMs: 60_000,
    describe: () => ({ finished: record.finished.length, lost: record.lost.length, faults: record.faults.map(String) }),
  });
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  expect(record).toMatchObject({ lost: [], faults: [] });
  expect((await farm.attempts(runId)).filter((attempt) => attempt.no > 1)).toEqual([]);
  expect(await checkHistory(farm)).toEqual([]);
}, 180_000);
