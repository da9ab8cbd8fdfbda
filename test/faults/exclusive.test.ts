import { afterEach, expect, test } from "vitest";
import { beginJob } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { makeJobsExclusive } from "../kit/make-exclusive.ts";
import { TcpProxy } from "../kit/tcp-proxy.ts";
import { TickFile } from "../kit/tick-file.ts";
import { waitFor } from "../kit/wait-for.ts";

/** The lease leaves room for the whole grace of a step that ignores every polite signal (10 s). */
const TIMES = { suspectAfterMs: 3_000, lostAfterMs: 14_000, leaseMarginMs: 500, offerMs: 1_000 };

/** The last one that arrived may be so old when the way is cut: a third of the time to suspicion. */
const HEARTBEAT_MS = TIMES.suspectAfterMs / 3;

let farm: Farm | undefined;
let proxy: TcpProxy | undefined;
afterEach(async () => {
  proxy?.heal();
  await farm?.stop();
  await proxy?.stop();
});

test("F11: an agent cut off with an exclusive job ends it by its own clock, before the next attempt begins elsewhere", async () => {
  const cut = await cutOffExclusiveJob();
  const ticks = await expectNoOverlap(cut);
  expect(ticks.lastOfFirstMs).toBeGreaterThan(cut.cutAtMs);
  cut.proxy.heal();
  expect(await checkHistory(cut.farm, { markers: cut.job.marker.marks() })).toEqual([]);
}, 90_000);

test("F11b: an exclusive job cut off with its agent, which then dies, is gone before its next attempt begins", async () => {
  const cut = await cutOffExclusiveJob();
  await cut.job.agent.child.kill();
  const ticks = await expectNoOverlap(cut);
  // it went on alone, without agent and controller, and the supervisor's own clock ended it
  expect(ticks.lastOfFirstMs).toBeGreaterThan(cut.cutAtMs + 1_000);
  cut.proxy.heal();
  await cut.farm.startAgent({ name: cut.job.agent.name, grpcAddress: cut.grpcAddress });
  expect(await checkHistory(cut.farm, { markers: cut.job.marker.marks() })).toEqual([]);
}, 90_000);

type Cut = Awaited<ReturnType<typeof cutOffExclusiveJob>>;

/** An exclusive job that ignores polite signals on agent-1, whose way to the controller passes nothing any more; agent-2 is ready. */
async function cutOffExclusiveJob() {
  const cutFarm = await Farm.start({ agents: 0, pool: TIMES });
  farm = cutFarm;
  await makeJobsExclusive(cutFarm);
  const [host = "", port = ""] = (cutFarm.controllers[0]?.grpcAddress ?? "").split(":");
  const between = await TcpProxy.start({ host, port: Number(port) });
  proxy = between;
  const grpcAddress = `127.0.0.1:${between.port}`;
  await cutFarm.startAgent({ name: "agent-1", grpcAddress });
  const ticks = new TickFile();
  const job = await beginJob(cutFarm, { script: `trap '' INT TERM${ticks.script(1)}` });
  await waitFor("the job to tick", () => ticks.span(1) !== undefined);
  await cutFarm.startAgent({ name: "agent-2" });
  between.freeze();
  return { farm: cutFarm, proxy: between, grpcAddress, job, ticks, cutAtMs: Date.now() };
}

async function expectNoOverlap({ farm: of, job, ticks, cutAtMs }: Cut): Promise<{ readonly lastOfFirstMs: number }> {
  expect((await of.waitRunFinished(job.runId)).conclusion).toBe("success");
  const attempts = await of.attempts(job.runId);
  expect(attempts.map(({ no, state, agent }) => [no, state, agent])).toEqual([
    [1, "lost", "agent-1"],
    [2, "finished", "agent-2"],
  ]);
  const lastOfFirstMs = ticks.span(1)?.lastMs ?? Number.NaN;
  const firstOfSecondMs = ticks.span(2)?.firstMs ?? Number.NaN;
  expect(lastOfFirstMs).toBeLessThan(firstOfSecondMs);
  // by its own clock, before the lease is over; elsewhere not before the controller knows that it is over
  expect(lastOfFirstMs - cutAtMs).toBeLessThan(TIMES.lostAfterMs);
  expect(firstOfSecondMs - cutAtMs).toBeGreaterThan(TIMES.lostAfterMs - HEARTBEAT_MS);
  return { lastOfFirstMs };
}
