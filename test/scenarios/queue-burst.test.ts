import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import { matrixOf } from "../kit/matrix-workflow.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { SimulatedAgents } from "../kit/simulated-agents.ts";
import { waitFor } from "../kit/wait-for.ts";

const AGENTS = 60;
const JOBS = 300;
/** No agent is idle for longer beside a job that it could run. */
const BESIDE_MS_MAX = 1_000;

let farm: Farm;
let fleet: SimulatedAgents;
beforeAll(async () => {
  farm = await Farm.start({ agents: 0, logLevel: "warn" });
  fleet = await SimulatedAgents.join(farm, { count: AGENTS, jobMs: () => 50 + Math.random() * 1_500 });
  await fleet.start();
});
afterAll(async () => {
  await fleet?.stop();
  await farm?.stop();
});

test("a burst of 300 jobs leaves none of 60 agents of one slot idle for a second beside a job that waits", async () => {
  const { runId } = await pushWorkflow(farm, matrixOf(JOBS));
  const { record } = fleet;
  await waitFor("every job to be done", () => record.finished.length === JOBS, {
    withinMs: 50_000,
    describe: () => ({ finished: record.finished.length, lost: record.lost.length, faults: record.faults.map(String) }),
  });
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map(({ no, state }) => `${no} ${state}`)).toEqual(Array(JOBS).fill("1 finished"));
  expect(new Set(attempts.map((attempt) => attempt.agent)).size).toBe(AGENTS);
  expect(record).toMatchObject({ lost: [], faults: [] });
  expect(Math.max(...(await readIdleMs(runId)))).toBeLessThan(BESIDE_MS_MAX);
}, 90_000);

/** For how long each agent had nothing to do while a job was queued, each time; by the database's clock. All jobs are alike. */
async function readIdleMs(runId: number): Promise<number[]> {
  const rows = await farm.db
    .selectFrom("attempts")
    .innerJoin("jobs", "jobs.id", "attempts.job_id")
    .select(["attempts.agent_id", "attempts.offered_at", "attempts.finished_at", "jobs.queued_at"])
    .where("jobs.run_id", "=", runId)
    .orderBy("attempts.offered_at")
    .execute();
  const queuedMs = Math.min(...rows.map((row) => row.queued_at?.getTime() ?? Number.NaN));
  const emptyMs = Math.max(...rows.map((row) => row.offered_at.getTime()));
  return [...Map.groupBy(rows, (row) => row.agent_id).values()].flatMap((own) => {
    const begins = [...own.map((row) => row.offered_at.getTime()), emptyMs];
    const ends = [queuedMs, ...own.map((row) => row.finished_at?.getTime() ?? Number.NaN)];
    return begins.map((at, index) => at - (ends[index] ?? Number.NaN));
  });
}
