import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningPostgres, startPostgres } from "@windrow/embedded";
import { createLogger } from "@windrow/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let dir: string;
let postgres: RunningPostgres;
let core: Core;

const start = () =>
  startPostgres({
    dataDir: join(dir, "postgres"),
    logger: createLogger({ component: "test", level: "silent" }),
    throwAwayWithoutFsync: true,
  });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "windrow-away-"));
  postgres = await start();
  core = await startCore({ connectionString: postgres.connectionString });
});
afterAll(async () => {
  await core.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
});

const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";

describe("while the database is away", () => {
  it("agents keep their sessions, gain no trust, and the job goes on when it is back", async () => {
    await core.setPool({ suspect_after_ms: 1_000, lost_after_ms: 3_000, lease_margin_ms: 200 });
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    await postgres.stop();
    const reply = await agent.beat();
    expect(reply).toMatchObject({ renewedAttemptIds: [], revokedAttemptIds: [] });
    await expect(agent.api.reportSteps({ lease: agent.lease(offer), steps: [] })).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(agent.isSessionOver).toBe(false);
    postgres = await start();
    await waitFor("a renewal", async () => (await agent.beat()).renewedAttemptIds.length === 1);
    await waitFor("the finish", async () =>
      agent.finish(offer).then(
        () => true,
        () => false,
      ),
    );
    expect(await core.runFinished(runId)).toBe("success");
    expect(await core.jobs(runId)).toMatchObject([{ attempt_count: 1 }]);
    // it knows the repository: the next job would be offered to it
    agent.close();
    await waitFor("its leaving", async () => {
      const { state } = await core.db.selectFrom("agents").select("state").executeTakeFirstOrThrow();
      return state !== "ready";
    });
  });

  it("connections that are cut again and again cost no attempt", async () => {
    const agent = await core.addAgent({ slots: 2 });
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    const activity = core.db.withTables<{ pg_stat_activity: { pid: number; application_name: string } }>();
    const cutting = setInterval(() => {
      activity
        .selectFrom("pg_stat_activity")
        .select((of) => of.fn<boolean>("pg_terminate_backend", ["pid"]).as("cut"))
        .where((of) => of("pid", "<>", of.fn<number>("pg_backend_pid", [])))
        .where("application_name", "=", "windrow")
        .execute()
        .catch(() => undefined);
    }, 150);
    const insist = <T>(work: () => Promise<T>) =>
      waitFor("an answer", () =>
        work().catch((error: { code?: string }) => (error.code === "revoked" ? Promise.reject(error) : undefined)),
      );
    try {
      await insist(() => agent.start(offer));
      for (let no = 0; no < 20; no++)
        await insist(() => agent.api.reportSteps({ lease: agent.lease(offer), steps: [] }));
      await insist(() => agent.finish(offer));
    } finally {
      clearInterval(cutting);
    }
    expect(await waitFor("the end", () => core.runFinished(runId).catch(() => undefined))).toBe("success");
    expect(await core.jobs(runId)).toMatchObject([{ attempt_count: 1, outcome: "succeeded" }]);
  });
});
