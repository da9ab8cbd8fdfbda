import { systemClock } from "@windrow/service";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { beginJob, GO } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { TcpProxy } from "../kit/tcp-proxy.ts";
import { TickFile } from "../kit/tick-file.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm | undefined;
let proxy: TcpProxy | undefined;
afterEach(async () => {
  proxy?.heal();
  await farm?.stop();
  await proxy?.stop();
  farm = undefined;
  proxy = undefined;
});

const LOG_BYTES = 50_000_000;
/** Of its log, the controller has no more until the link is well again. */
const PASSED_BYTES_MAX = 1_000_000;

async function durableBytes(of: Farm): Promise<number> {
  const { rows } = await sql<{
    bytes: number;
  }>`select coalesce(sum(length_bytes), 0)::bigint as bytes from log_streams`.execute(of.db);
  return Number(rows[0]?.bytes);
}

test("F24: an agent that is asked to stop takes nothing new, ends its job, and goes when the whole log is acknowledged", async () => {
  farm = await Farm.start({ agents: 0, pool: SHORT_TIMES });
  const [host = "", port = ""] = farm.controllers[0]?.grpcAddress.split(":") ?? [];
  proxy = await TcpProxy.start({ host, port: Number(port) });
  const { child } = await farm.startAgent({ name: "agent-1", slots: 2, grpcAddress: `127.0.0.1:${proxy.port}` });
  proxy.holdAbove(PASSED_BYTES_MAX);
  const marker = new Marker();
  const { runId } = await beginJob(farm, {
    marker,
    script: `yes 0123456789 | head -c ${LOG_BYTES}\n${marker.openLine("printed")}\n${marker.waitLine(GO)}\n${marker.openLine("ended")}`,
  });
  await waitFor("the step to have printed everything", () => marker.isOpen("printed"));
  expect(await durableBytes(farm)).toBeLessThan(PASSED_BYTES_MAX);

  child.signal("SIGTERM");
  const askedAtMs = systemClock.monotonicMs();
  // a second to hear of it, and more than the time after which a silent agent would be lost
  const lostAfterMs = SHORT_TIMES.lostAfterMs ?? 0;
  const hasPassed = (ms: number) => () => systemClock.monotonicMs() - askedAtMs >= ms;
  await waitFor("a second to pass", hasPassed(1_000));
  const { runId: laterId } = await pushWorkflow(
    farm,
    "on: push\njobs: { later: { runs-on: linux, steps: [{ run: 'true' }] } }",
  );
  await waitFor("more time than a silent agent has", hasPassed(1_000 + lostAfterMs));
  expect(await farm.api("GET", "/api/v1/agents/agent-1")).toMatchObject({
    state: expect.stringMatching(/^(ready|draining)$/),
  });
  marker.open(GO);
  await waitFor("the step to end", () => marker.isOpen("ended"));
  expect(await durableBytes(farm)).toBeLessThan(PASSED_BYTES_MAX);
  expect((await farm.jobs(runId)).map((job) => job.state)).toEqual(["running"]);

  proxy.heal();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const [job] = await farm.jobs(runId);
  const log = (await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString("latin1");
  expect(log === `attempt 1\n${"0123456789\n".repeat(LOG_BYTES / 11 + 1).slice(0, LOG_BYTES)}`).toBe(true);
  expect((await farm.attempts(runId)).map(({ no, state, outcome }) => [no, state, outcome])).toEqual([
    [1, "finished", "succeeded"],
  ]);
  expect(await farm.attempts(laterId)).toEqual([]);
  await farm.startAgent({ name: "agent-1" });
  expect((await farm.waitRunFinished(laterId)).conclusion).toBe("success");
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 180_000);

test("F24: asked a second time, it interrupts its job, gives it grace, and gives it back to the queue without cost", async () => {
  farm = await Farm.start();
  const marker = new Marker();
  const { runId } = await beginJob(farm, {
    marker,
    script: `if [ "$WINDROW_ATTEMPT" = 1 ]; then
trap '${marker.openLine("interrupted")}; ${marker.waitLine("clean")}; exit 1' INT
while :; do sleep 0.05; done
fi`,
  });
  const { child } = farm.agent("agent-1");
  child.signal("SIGTERM");
  // another one: two of a kind that come at once are one
  child.signal("SIGINT");
  await waitFor("the step to be interrupted", () => marker.isOpen("interrupted"));
  marker.open("clean");
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect((await farm.attempts(runId)).map(({ state, reason }) => [state, reason])).toEqual([
    ["finished", "agent_stopping"],
  ]);
  expect(await farm.jobs(runId)).toMatchObject([{ state: "queued" }]);
  await farm.startAgent({ name: "agent-1" });
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const { used } = await farm.db
    .selectFrom("jobs")
    .select("infra_retries_used as used")
    .where("run_id", "=", runId)
    .executeTakeFirstOrThrow();
  expect(used).toBe(0);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 60_000);

test("F27: a job whose agent ignores its timeout is timed out 15 s after it, and ended at the next contact", async () => {
  farm = await Farm.start();
  const { db } = farm;
  const ticks = new TickFile();
  const { runId } = await beginJob(farm, { script: ticks.script(1) });
  // the agent goes by its plan, which says six hours; by the farm's word the job has a minute, and began so long ago
  const beganAgo = async (seconds: number) => {
    await sql`update jobs set timeout_ms = 60000 where run_id = ${runId}`.execute(db);
    await sql`update attempts set started_at = clock_timestamp() - ${seconds} * interval '1 s'`.execute(db);
  };
  await beganAgo(71);
  const lives = ticks.span(1)?.lastMs ?? 0;
  await waitFor("two sweeps to have passed it by", () => (ticks.span(1)?.lastMs ?? 0) > lives + 2_500);
  expect((await farm.attempts(runId)).map(({ state }) => state)).toEqual(["running"]);
  await beganAgo(75);
  const run = await farm.waitRunFinished(runId, 10_000);
  const endedAtMs = systemClock.nowMs();
  expect(run.conclusion).toBe("cancelled");
  expect(await farm.jobs(runId)).toMatchObject([{ outcome: "timed_out", reason: "timeout", attempt_count: 1 }]);
  expect((await farm.attempts(runId)).map(({ state, reason }) => [state, reason])).toEqual([
    ["revoked", "timeout_ignored"],
  ]);
  // a heartbeat every 5 s is the next contact
  await waitFor("the job to be ended", () => systemClock.nowMs() - (ticks.span(1)?.lastMs ?? 0) > 1_000);
  expect((ticks.span(1)?.lastMs ?? 0) - endedAtMs).toBeLessThan(8_000);
  expect(await checkHistory(farm)).toEqual([]);
}, 60_000);
