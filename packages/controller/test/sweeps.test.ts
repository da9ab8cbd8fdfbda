import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlobStore, createFolderBlobStore } from "@windrow/blobs";
import { createLogger, systemClock } from "@windrow/service";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createMetrics } from "../src/metrics.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";
import { advanceStuckRuns } from "../src/sweeps/advance-stuck-runs.ts";
import { deleteOrphanBlobs } from "../src/sweeps/delete-orphan-blobs.ts";
import { expireLeases } from "../src/sweeps/expire-leases.ts";
import { keepControllerPresence } from "../src/sweeps/keep-controller-presence.ts";
import type { SweepDeps } from "../src/sweeps/sweep-deps.ts";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
let folder: string;
let blobs: BlobStore;
let deps: SweepDeps;
const controller = { id: randomUUID(), hostname: "test", version: "test" };
beforeAll(async () => {
  core = await startCore();
  folder = await mkdtemp(join(tmpdir(), "windrow-sweeps-"));
  blobs = await createFolderBlobStore(folder);
  deps = {
    db: core.db,
    blobs,
    publicUrl: () => "http://farm",
    texts: createRunTexts(),
    clock: systemClock,
    logger: createLogger({ component: "test", level: "silent" }),
    metrics: createMetrics(async () => ({})),
    announcer: { announce: () => undefined, announceRun: () => undefined, tellCancels: () => undefined },
  };
});
afterEach(async () => {
  await endEverything();
  await core.removeAgents();
});
afterAll(async () => {
  await core.stop();
  await rm(folder, { recursive: true });
});

const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";
const past = (ms: number) => new Date(Date.now() - ms);

async function startOne(): Promise<{ agent: FakeAgent; attemptId: string; runId: number }> {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(ONE);
  const offer = await agent.offer();
  await agent.start(offer);
  return { agent, attemptId: offer.attemptId, runId };
}
/** Ends what a test left open, so that its jobs are not offered to the next one's agents. */
async function endEverything(): Promise<void> {
  const finished_at = new Date();
  await core.db
    .updateTable("attempts")
    .set({ state: "revoked", finished_at })
    .where("finished_at", "is", null)
    .execute();
  await core.db
    .updateTable("jobs")
    .set({ state: "finished", outcome: "cancelled", conclusion: "cancelled", finished_at })
    .where("finished_at", "is", null)
    .execute();
}
const leaseUntil = async (attemptId: string) =>
  (await core.db.selectFrom("attempts").select("lease_until").where("id", "=", attemptId).executeTakeFirstOrThrow())
    .lease_until ?? new Date(0);

describe("sweeps", () => {
  it("extend every lease after no controller was there, before anything can expire", async () => {
    const { agent, attemptId, runId } = await startOne();
    agent.isSilent = true;
    await core.controllers[0]?.stop();
    await core.db
      .updateTable("attempts")
      .set({ lease_until: past(1_000) })
      .where("id", "=", attemptId)
      .execute();
    await core.db
      .updateTable("controllers")
      .set({ last_seen_at: past(60_000) })
      .execute();
    await keepControllerPresence({ ...deps, controller });
    expect((await leaseUntil(attemptId)).getTime()).toBeGreaterThan(Date.now() + 20_000);
    await keepControllerPresence({ ...deps, controller });
    await expireLeases(deps);
    expect(await core.jobs(runId)).toMatchObject([{ state: "running" }]);
    core.controllers.splice(0);
    await core.startController();
  });

  it("hold the loss of most of a pool back, once, and let single agents go", async () => {
    await core.controllers[0]?.stop();
    core.controllers.splice(0);
    await core.startController();
    const agents: FakeAgent[] = [];
    for (let no = 0; no < 4; no++) {
      const agent = await core.addAgent();
      await agent.connect();
      agent.isSilent = true;
      agents.push(agent);
    }
    const runId = await core.insertRun(ONE);
    const taken = await waitFor("an offer", () => agents.find((agent) => agent.offers.length > 0));
    const offer = await taken.offer();
    await taken.start(offer);
    await core.db
      .updateTable("agents")
      .set({ last_seen_at: past(100_000) })
      .where(
        "id",
        "in",
        agents.slice(0, 3).map((agent) => agent.agentId),
      )
      .execute();
    await core.db
      .updateTable("attempts")
      .set({ lease_until: past(1_000) })
      .where("id", "=", offer.attemptId)
      .execute();
    await waitFor("the hold", async () => {
      const pools = core.db.selectFrom("pools").select("expiry_held_until").where("name", "=", "default");
      const pool = await pools.executeTakeFirstOrThrow();
      return pool.expiry_held_until !== null;
    });
    await expireLeases(deps);
    expect(await core.jobs(runId)).toMatchObject([{ state: "running", attempt_count: 1 }]);
    await core.db
      .updateTable("pools")
      .set({ expiry_held_until: past(1_000) })
      .execute();
    await waitFor("the loss", async () => (await core.jobs(runId))[0]?.state !== "running");
    await core.db.updateTable("pools").set({ expiry_held_until: null }).execute();
  });

  it("end a job whose agent ignores its timeout, and refuse that agent from then on", async () => {
    const { agent, attemptId, runId } = await startOne();
    await core.db
      .updateTable("attempts")
      .set({ started_at: past(7 * 3_600_000) })
      .where("id", "=", attemptId)
      .execute();
    expect(await core.runFinished(runId)).toBe("cancelled");
    expect(await core.jobs(runId)).toMatchObject([{ outcome: "timed_out", reason: "timeout" }]);
    expect((await agent.beat()).revokedAttemptIds).toEqual([attemptId]);
  });

  it("move a run on that stands still", async () => {
    const { agent, runId } = await startOne();
    agent.held.clear();
    await core.db
      .updateTable("jobs")
      .set({ state: "finished", outcome: "succeeded", conclusion: "success", finished_at: new Date() })
      .where("run_id", "=", runId)
      .execute();
    await core.db
      .updateTable("runs")
      .set({ created_at: past(60_000) })
      .where("id", "=", runId)
      .execute();
    await advanceStuckRuns(deps);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("delete old blobs that no row names, and no others", async () => {
    await blobs.put("log/aa/orphan", Buffer.from("x"));
    expect(await deleteOrphanBlobs(deps)).toBe(0);
    expect(await deleteOrphanBlobs(deps, -1_000)).toBe(1);
    expect(await deleteOrphanBlobs(deps, -1_000)).toBe(0);
  });

  it("judge a blob's age by the store's own clock, however wrong the controller's is", async () => {
    await blobs.put("log/aa/young", Buffer.from("x"));
    const ahead = { ...systemClock, nowMs: () => Date.now() + 24 * 3_600_000 };
    expect(await deleteOrphanBlobs({ ...deps, clock: ahead })).toBe(0);
    const behind = { ...systemClock, nowMs: () => Date.now() - 24 * 3_600_000 };
    expect(await deleteOrphanBlobs({ ...deps, clock: behind }, -1_000)).toBe(1);
  });
});
