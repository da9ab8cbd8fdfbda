import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTROLLER_NAME } from "@windrow/certificates";
import { makeTestIdentity } from "@windrow/certificates/testing";
import { asAgentId } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCertificateKeeper } from "../src/session/certificate-keeper.ts";
import type { Credential } from "../src/start/credential.ts";
import { clientTls } from "../src/start/farm-trust.ts";
import { RenewalRefused } from "../src/start/renew-certificate.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { AGENT_ID, AUTHORITY, IDENTITY, planOf, runStep } from "./fake-controller.ts";

const HOUR_MS = 3_600_000;
const logger = createLogger({ component: "test", level: "silent" });

let bench: AgentBench;
let aheadMs: number;
const clock: Clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
beforeEach(() => {
  bench = new AgentBench();
  aheadMs = 0;
});
afterEach(() => bench.stop());

async function makeKeeper() {
  const key = IDENTITY.key.toString();
  const stored: Credential[] = [];
  const state = { asksCount: 0, isAway: false, refusal: undefined as string | undefined };
  const keeper = createCertificateKeeper({
    credential: {
      agentId: asAgentId(AGENT_ID),
      name: "agent-1",
      certificate: IDENTITY.cert.toString(),
      authority: AUTHORITY.cert,
      grpcAddress: "unused",
      slotsCount: 1,
      controllerUrl: "unused",
    },
    controllerUrl: "unused",
    key,
    clock,
    logger,
    store: (credential) => stored.push(credential),
    async renew() {
      state.asksCount++;
      if (state.isAway) throw new Error("connection refused");
      if (state.refusal !== undefined) throw new RenewalRefused(state.refusal);
      const { cert } = await makeTestIdentity(AUTHORITY, AGENT_ID, { key });
      return { certificate: cert.toString(), natsJwt: "" };
    },
  });
  return { keeper, state, stored, tls: () => clientTls(keeper.credential, key) };
}

describe("renewing the certificate", () => {
  it("happens under a running job, which goes on and loses nothing", async () => {
    const kept = await makeKeeper();
    expect(kept.tls().serverName).toBe(CONTROLLER_NAME);
    await bench.start({ keeper: kept });
    const gate = join(bench.dir, "go");
    const attempt = bench.controller.offer(
      planOf([runStep(`echo before; while ! [ -e ${gate} ]; do sleep 0.02; done; echo after`)]),
    );
    await waitFor("the first line", () => bench.controller.log(attempt, "0").length > 0);
    const hellosCount = bench.controller.hellos.length;
    await kept.keeper.renew({ isForced: true });
    await waitFor("the next session", () => bench.controller.hellos.length > hellosCount);
    expect(bench.controller.hellos.at(-1)?.held).toHaveLength(1);
    expect(kept.stored).toHaveLength(1);
    writeFileSync(gate, "");
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").toString()).toBe("before\nafter\n");
    expect(bench.refusals).toEqual([]);
  });

  it("is asked for at two thirds of the life on the wall clock, and once for all who want it", async () => {
    const { keeper, state } = await makeKeeper();
    await keeper.prepare(0);
    expect(state.asksCount).toBe(0);
    aheadMs = 17 * HOUR_MS;
    await Promise.all([keeper.prepare(0), keeper.prepare(0), keeper.renew()]);
    expect(state.asksCount).toBe(1);
  });

  it("is asked for once, and not all the time, by a machine whose clock is a day ahead", async () => {
    const { keeper, state } = await makeKeeper();
    aheadMs = 24 * HOUR_MS;
    for (let turn = 0; turn < 3; turn++) await keeper.renew();
    expect(state.asksCount).toBe(1);
  });

  it("is spread over an hour by a fleet that got its certificates at once", async () => {
    const fleet = await Promise.all(Array.from({ length: 40 }, makeKeeper));
    const asked = () => fleet.filter(({ state }) => state.asksCount > 0).length;
    const lifeMs = 25 * HOUR_MS;
    aheadMs = (lifeMs * 2) / 3 - 1.5 * HOUR_MS;
    for (const { keeper } of fleet) await keeper.renew();
    expect(asked()).toBeGreaterThan(0);
    expect(asked()).toBeLessThan(40);
    aheadMs += HOUR_MS;
    for (const { keeper } of fleet) await keeper.renew();
    expect(asked()).toBe(40);
  });

  it("is asked for when connections fail again and again, since the controller's clock may be ahead", async () => {
    const { keeper, state } = await makeKeeper();
    for (let failures = 0; failures < 20; failures++) await keeper.prepare(failures);
    expect(state.asksCount).toBe(1);
  });

  it("of a farm that is away is asked for later, and one that is refused ends the agent with the reason", async () => {
    const kept = await makeKeeper();
    aheadMs = 48 * HOUR_MS;
    kept.state.isAway = true;
    await kept.keeper.prepare(0);
    kept.state.isAway = false;
    kept.state.refusal = "this agent was taken off the farm";
    await bench.start({ keeper: kept, untilConnected: false });
    await waitFor("the refusal", () => bench.refusals.length > 0);
    expect(bench.refusals).toMatchObject([{ code: "not_allowed", message: "this agent was taken off the farm" }]);
    expect(bench.controller.hellos).toHaveLength(0);
  });
});
