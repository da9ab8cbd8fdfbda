import { inTransaction, listAgents, startUpgrade } from "@windrow/store";
import { PROTOCOL_VERSION } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

const JOB = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: 'true' }] } }\n";
/** All that a controller could say to an agent of protocol 1. */
const SAID_IN_1 = ["welcome", "heartbeatReply", "offer", "cancel", "drain"];

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

test("an agent of the version before is told that version, works, and hears nothing that it does not know", async () => {
  const agent = await core.addAgent();
  agent.protocolVersion = PROTOCOL_VERSION - 1;
  const upgrade = { pool: "default", version: "9.9.9+00000000", atOnce: 1, requestedBy: "test" };
  await inTransaction(core.db, (tx) => startUpgrade(tx, upgrade));
  expect((await agent.connect()).protocolVersion).toBe(PROTOCOL_VERSION - 1);
  const runId = await core.insertRun(JOB);
  const offer = await agent.offer();
  await agent.start(offer);
  await agent.beat();
  await agent.finish(offer);
  expect(await core.runFinished(runId)).toBe("success");
  expect([...agent.heard].filter((kind) => !SAID_IN_1.includes(kind))).toEqual([]);
});

test("an agent that names no version is refused as one that says nothing sensible", async () => {
  const agent = await core.addAgent();
  agent.protocolVersion = 0;
  await expect(agent.connect()).rejects.toMatchObject({ code: "invalid" });
});

test.each([PROTOCOL_VERSION + 1, 99])("an agent that speaks %i is refused with a sentence", async (spoken) => {
  const agent = await core.addAgent();
  agent.protocolVersion = spoken;
  await expect(agent.connect()).rejects.toMatchObject({
    code: "unsupported_version",
    message: `protocol version ${spoken} is not spoken here, only ${PROTOCOL_VERSION - 1} to ${PROTOCOL_VERSION}`,
  });
});

test("an upgrade whose bundle is gone is halted, and says so", async () => {
  const agent = await core.addAgent();
  Object.assign(agent, { isUpgradable: true, version: "0.0.1" });
  await agent.connect();
  const upgrade = { pool: "default", version: "9.9.9+00000000", atOnce: 1, requestedBy: "test" };
  await core.db.deleteFrom("pool_upgrades").execute();
  await inTransaction(core.db, (tx) => startUpgrade(tx, upgrade));
  const row = await waitFor("the end", () =>
    core.db.selectFrom("pool_upgrades").selectAll().where("state", "!=", "running").executeTakeFirst(),
  );
  expect(row).toMatchObject({ state: "halted", reason: "the bundle of 9.9.9+00000000 is not there any more" });
  expect((await listAgents(core.db)).map(({ drainRequested }) => drainRequested)).toEqual([false]);
});
