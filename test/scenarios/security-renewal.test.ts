import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asInstanceId, type Refusal } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import { createAgentApiClient, PROTOCOL_VERSION } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../packages/agent/src/config.ts";
import { createConnection } from "../../packages/agent/src/session/connection.ts";
import { createSessionLoop } from "../../packages/agent/src/session/session-loop.ts";
import { establishIdentity, type Identity } from "../../packages/agent/src/start/establish-identity.ts";
import { clientTls } from "../../packages/agent/src/start/farm-trust.ts";
import { type Core, startCore } from "../../packages/controller/test/core-kit.ts";
import { waitFor } from "../kit/wait-for.ts";

const DAY_MS = 24 * 3_600_000;
const dir = mkdtempSync(join(tmpdir(), "windrow-renewal-"));
const logger = createLogger({ component: "test", level: process.env.RENEWAL_TEST_LOG ?? "silent" });
/** Of controllers and agents alike. The handshake itself knows the machine's clock only, so time starts in the past. */
let aheadMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };

let core: Core;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  core = await startCore({ clock });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  aheadMs = 0;
});
afterAll(async () => {
  await core.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function makeJoinToken(): Promise<string> {
  const answer = await fetch(`${core.controllers.at(-1)?.url}/api/v1/tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${await core.adminToken()}`, "content-type": "application/json" },
    body: JSON.stringify({ kind: "join", uses_max: 100 }),
  });
  const { secret }: { secret: string } = JSON.parse(await answer.text());
  return secret;
}

/** An agent's own start, with its folder: it joins when it has a token, else goes on with what it stored. */
async function start(name: string, joinToken?: string): Promise<Identity> {
  const agentDir = join(dir, name);
  mkdirSync(agentDir, { recursive: true });
  const config = readConfig({
    WINDROW_AGENT_DIR: agentDir,
    WINDROW_AGENT_NAME: name,
    WINDROW_URL: core.controllers.at(-1)?.url,
    ...(joinToken !== undefined && { WINDROW_JOIN_TOKEN: joinToken }),
  });
  const { signal } = new AbortController();
  return establishIdentity({ config, version: "test", labels: ["linux"], clock, logger, signal });
}

/** Its session, as in the agent's process, without jobs. */
async function connect({ keeper, keys }: Identity, instance = crypto.randomUUID()) {
  const seen = { welcomesCount: 0, refusal: undefined as Refusal | undefined };
  const loop = createSessionLoop({
    addresses: [`127.0.0.1:${core.controllers.at(-1)?.grpcPort}`],
    connect: (address) => createAgentApiClient({ address, tls: clientTls(keeper.credential, keys.certificateKey) }),
    certificate: keeper,
    hello: () => ({
      ...{ protocolVersion: PROTOCOL_VERSION, instanceId: asInstanceId(instance), agentVersion: "test" },
      ...{ slots: 1, labels: [], toolchains: [], held: [], hostname: "test" },
    }),
    heartbeat: () => ({ held: [], freeSlots: 1 }),
    connection: createConnection({ clock, logger }),
    clock,
    bootClockMs: () => performance.now(),
    logger,
    onWelcome: () => seen.welcomesCount++,
    onHeartbeatReply: () => undefined,
    onMessage: () => undefined,
    onRefused(refusal) {
      seen.refusal = refusal;
    },
  });
  keeper.onRenewed(() => loop.reconnect());
  await loop.start();
  stops.push(async () => {
    await keeper.stop();
    await loop.stop();
  });
  return seen;
}

const namesIn = async (state: string) =>
  (
    await core.db
      .selectFrom("agents")
      .select("name")
      .where("state", "=", state as "ready")
      .execute()
  ).map((a) => a.name);

test("a controller that was away for three days finds its whole fleet again: every certificate ended, and renews by proof of its key", async () => {
  aheadMs = -3 * DAY_MS;
  const token = await makeJoinToken();
  const names = Array.from({ length: 10 }, (_, no) => `fleet-${no}`);
  const joined = await Promise.all(names.map((name) => start(name, token)));
  const ids = joined.map((one) => one.keeper.credential.agentId);
  await core.controllers.at(-1)?.stop();

  aheadMs = 0;
  // nobody is there yet: nothing is given up, and no agent ends
  const seen = await Promise.all(joined.slice(0, 5).map((one) => connect(one)));
  await core.startController();
  // half of the agents started anew meanwhile, without a token; the others ran on
  seen.push(...(await Promise.all(names.slice(5).map(async (name) => connect(await start(name))))));
  // those that ran on ask where they joined, which is another port now
  for (const [no, name] of names.slice(0, 5).entries()) seen[no] = await connect(await start(name));
  await waitFor("the fleet", () => seen.every((one) => one.welcomesCount > 0), {
    describe: () => JSON.stringify(seen),
  });
  expect((await namesIn("ready")).filter((name) => name.startsWith("fleet-")).sort()).toEqual(names);
  const rows = await core.db.selectFrom("agents").select("id").where("name", "like", "fleet-%").execute();
  expect(rows.map((row) => row.id).sort()).toEqual(ids.toSorted());
  expect(seen.map((one) => one.refusal)).toEqual(names.map(() => undefined));
});

describe("an agent whose certificate ended", () => {
  test("on day 30 renews it, and on day 31 is told to join again; with a token it does so by itself", async () => {
    aheadMs = -31 * DAY_MS + 3_600_000;
    await start("day-30", await makeJoinToken());
    aheadMs = -32 * DAY_MS - 3_600_000;
    const first = await start("day-31", await makeJoinToken());
    aheadMs = 0;
    const welcomed = await connect(await start("day-30"));
    await waitFor("the agent of day 30", () => welcomed.welcomesCount > 0);

    const sentence =
      /does not renew this agent's certificate: expired: the certificate of agent day-31 ended 31 days ago, and is renewed for 30 days only; join the machine again with a new join token/;
    await expect(start("day-31")).rejects.toThrow(sentence);
    // one that ran all the time ends with the same sentence
    const running = await connect(first);
    const refusal = await waitFor("its end", () => running.refusal);
    expect(refusal.code).toBe("not_allowed");
    expect(refusal.message).toMatch(sentence);
    await core.db.updateTable("agents").set({ name: "day-31-old" }).where("name", "=", "day-31").execute();
    const again = await start("day-31", await makeJoinToken());
    expect(again.keeper.credential.agentId).not.toBe(first.keeper.credential.agentId);
    const anew = await connect(again);
    await waitFor("the agent that joined again", () => anew.welcomesCount > 0);
  });

  test("that was removed, or disabled, does not renew it, and says why", async () => {
    const kept = await start("removed", await makeJoinToken());
    const url = `${core.controllers.at(-1)?.url}/api/v1/agents/removed`;
    await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${await core.adminToken()}` } });
    await expect(kept.keeper.renew({ isForced: true })).rejects.toThrow("removed: this agent was taken off the farm");
    const other = await start("disabled", await makeJoinToken());
    await core.db
      .updateTable("agents")
      .set({ disabled_at: new Date(), disabled_reason: "cloned" })
      .where("name", "=", "disabled")
      .execute();
    await expect(other.keeper.renew({ isForced: true })).rejects.toThrow("disabled: cloned");
  });
});

test("an agent that an operator disabled does not join anew, though it has a token, and is itself again when it is enabled", async () => {
  aheadMs = -DAY_MS;
  const before = await start("paused", await makeJoinToken());
  aheadMs = 0;
  const set = (disabled_at: Date | null) =>
    core.db.updateTable("agents").set({ disabled_at }).where("name", "=", "paused").execute();
  await set(new Date());
  await expect(start("paused", await makeJoinToken())).rejects.toThrow("disabled: ");
  await set(null);
  const after = await start("paused");
  expect(after.keeper.credential.agentId).toBe(before.keeper.credential.agentId);
  const seen = await connect(after);
  await waitFor("the agent", () => seen.welcomesCount > 0);
});

test("a certificate renews at two thirds of its life, while the agent is connected, and is what it starts with next", async () => {
  const identity = await start("two-thirds", await makeJoinToken());
  const seen = await connect(identity);
  await waitFor("the first welcome", () => seen.welcomesCount === 1);
  const before = identity.keeper.credential.certificate;
  await identity.keeper.renew();
  expect(identity.keeper.credential.certificate).toBe(before);
  aheadMs = 17 * 3_600_000;
  await identity.keeper.renew();
  expect(identity.keeper.credential.certificate).not.toBe(before);
  const stored: { certificate: string } = JSON.parse(readFileSync(join(dir, "two-thirds", "credential.json"), "utf8"));
  expect(stored.certificate).toBe(identity.keeper.credential.certificate);
});

test("nobody renews for another agent: the proof is of its key, over a challenge for it alone", async () => {
  const mine = await start("mine", await makeJoinToken());
  const theirs = await start("theirs", await makeJoinToken());
  const swapped = { ...mine.keeper.credential, agentId: theirs.keeper.credential.agentId };
  const { renewCertificate } = await import("../../packages/agent/src/start/renew-certificate.ts");
  const asked = renewCertificate({
    credential: swapped,
    controllerUrl: core.controllers.at(-1)?.url ?? "",
    key: mine.keys.certificateKey,
    signal: new AbortController().signal,
  });
  await expect(asked).rejects.toThrow("this is no proof of an agent's registered key");
});

test("bad proofs from an agent's own address, of a job say, are refused and slowed, and do not keep the agent from renewing", async () => {
  const identity = await start("beside", await makeJoinToken());
  const codes: number[] = [];
  for (let no = 0; no < 12; no++) {
    const answer = await fetch(`${core.controllers.at(-1)?.url}/api/v1/agents/renew`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        agent_id: identity.keeper.credential.agentId,
        challenge: "x".repeat(75),
        proof: "y".repeat(96),
      }),
    });
    codes.push(answer.status);
  }
  expect(codes.at(-1)).toBe(429);
  const before = identity.keeper.credential.certificate;
  await identity.keeper.renew({ isForced: true });
  expect(identity.keeper.credential.certificate).not.toBe(before);
});
