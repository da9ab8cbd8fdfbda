import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderBlobStore } from "@windrow/blobs";
import { createLogger, systemClock } from "@windrow/service";
import { findAgent, setVariable } from "@windrow/store";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { createMetrics } from "../src/metrics.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";
import { expireLeases } from "../src/sweeps/expire-leases.ts";
import { createRevokeNatsUsers } from "../src/sweeps/revoke-nats-users.ts";
import type { SweepDeps } from "../src/sweeps/sweep-deps.ts";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";

let core: Core;
let folder: string;
let deps: SweepDeps;
beforeAll(async () => {
  core = await startCore();
  folder = await mkdtemp(join(tmpdir(), "windrow-keep-going-"));
  deps = {
    db: core.db,
    blobs: await createFolderBlobStore(folder),
    publicUrl: () => "http://farm",
    texts: createRunTexts(),
    clock: systemClock,
    logger: createLogger({ component: "test", level: "silent" }),
    metrics: createMetrics(async () => ({})),
    announcer: { announce: () => undefined, announceRun: () => undefined, tellCancels: () => undefined },
  };
});
afterEach(() => core.removeAgents());
afterAll(async () => {
  await core.stop();
  await rm(folder, { recursive: true });
});

const CHAIN = `
on: push
jobs:
  a: { runs-on: linux, steps: [{ run: x }] }
  b: { runs-on: linux, needs: a, steps: [{ run: x }] }
`;

async function startOne(): Promise<{ agent: FakeAgent; attemptId: string; runId: number }> {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(CHAIN);
  const offer = await agent.offer();
  await agent.start(offer);
  agent.isSilent = true;
  return { agent, attemptId: offer.attemptId, runId };
}

it("a run that cannot be moved on keeps no other attempt from being lost", async () => {
  await core.setPool({ infra_retries_max: 0 });
  const broken = await startOne();
  const other = await startOne();
  await core.controllers[0]?.stop();
  await core.db.updateTable("runs").set({ definition: null }).where("id", "=", broken.runId).execute();
  for (const [{ attemptId }, agoMs] of [
    [broken, 2_000],
    [other, 1_000],
  ] as const) {
    const lease_until = new Date(Date.now() - agoMs);
    await core.db.updateTable("attempts").set({ lease_until }).where("id", "=", attemptId).execute();
  }
  await expireLeases(deps);
  expect(await core.jobs(other.runId)).toMatchObject([{ outcome: "lost" }, { outcome: "skipped" }]);
  const finished_at = new Date();
  const over = { state: "finished", outcome: "cancelled", conclusion: "cancelled", finished_at } as const;
  await core.db.updateTable("jobs").set(over).where("run_id", "=", broken.runId).execute();
  const revoked = { state: "revoked", finished_at } as const;
  await core.db.updateTable("attempts").set(revoked).where("id", "=", broken.attemptId).execute();
  await core.setPool({ infra_retries_max: 2 });
  core.controllers.splice(0);
  await core.startController();
});

it("a job whose plan cannot be made fails with the reason, instead of being offered for ever", async () => {
  const agent = await core.addAgent();
  const place = (value: string) =>
    setVariable(core.db, { owner: null, repositoryId: null, name: "PLACE", value, by: "me" });
  await place('{"name": "here"}');
  const runId = await core.insertRun(`
on: push
jobs:
  one:
    runs-on: linux
    environment: "\${{ fromJSON(vars.PLACE).name }}"
    steps: [{ run: x }]
`);
  // changed between the job's readiness and its start
  await place("{");
  await agent.connect();
  await expect(agent.start(await agent.offer())).rejects.toMatchObject({ code: "revoked" });
  expect(await core.runFinished(runId)).toBe("failure");
  expect(await core.jobs(runId)).toMatchObject([{ outcome: "failed", reason: "diagnostic", attempt_count: 1 }]);
});

it("the NATS user of a removed agent is revoked by a later pass when NATS was away at its removal", async () => {
  const { agentId } = await core.addAgent();
  await core.removeAgents();
  const key = (await findAgent(core.db, agentId))?.natsPublicKey ?? "";
  const revoked: string[] = [];
  let isAway = true;
  const pass = createRevokeNatsUsers({
    ...deps,
    async revokeNatsUser(userKey, untilMs) {
      if (isAway) throw new Error("NATS is away");
      expect(untilMs).toBeGreaterThan(Date.now());
      revoked.push(userKey);
    },
  });
  await pass();
  expect(revoked).toEqual([]);
  isAway = false;
  await pass();
  expect(revoked).toContain(key);
  const count = revoked.length;
  await pass();
  expect(revoked.length).toBe(count);
});
