import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { asAttemptId, asLeaseId } from "@windrow/model";
import type { AgentApiClient } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

const ONE = `
on: push
jobs:
  build: { runs-on: linux, steps: [{ run: "true" }] }
`;
/**
 * How soon a removal bites, on every controller, without NATS: within a second where the machine has something to spare. A
 * lease would run for 30 s, and a session would be told with its next heartbeat, after 5 s.
 */
const BITES_WITHIN_MS = 4_500;

let core: Core;
beforeAll(async () => {
  // no NATS: what one controller does, the other learns from the database alone
  core = await startCore({ controllers: 2 });
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

async function call(method: string, path: string, controller = 0): Promise<Response> {
  return fetch(`${core.controllers[controller]?.url}/api/v1/agents/${path}`, {
    method,
    headers: { authorization: `Bearer ${await core.adminToken()}` },
  });
}

const askAbout = (api: AgentApiClient, agent: FakeAgent) =>
  api.reportSteps({ lease: { ...NO_LEASE, sessionNo: agent.sessionNo }, steps: [] });
const NO_LEASE = { attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) };

describe("F29: an agent that is removed in the middle of a job", () => {
  it("is cut off from another controller within a second, and its job runs elsewhere", async () => {
    const agent = await core.addAgent({ controller: 1 });
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    const other = await core.addAgent({ controller: 1 });
    await other.connect();
    const removedAtMs = performance.now();
    expect((await call("DELETE", agent.agentId)).ok).toBe(true);
    await waitFor("the end of its session", () => agent.isSessionOver);
    expect(performance.now() - removedAtMs).toBeLessThan(BITES_WITHIN_MS);
    expect(agent.sessionError).toMatchObject({ code: "not_allowed", message: expect.stringContaining("removed") });
    await expect(askAbout(agent.api, agent)).rejects.toMatchObject({ code: "not_allowed" });
    await expect(agent.start(offer)).rejects.toMatchObject({ code: "not_allowed" });
    await expect(agent.connect({ instanceId: randomUUID() })).rejects.toMatchObject({ code: "not_allowed" });
    await other.runNext();
    expect(await core.runFinished(runId)).toBe("success");
  });
});

describe("S42: the credential of an agent on two machines at once", () => {
  const eventsOf = async (agent: FakeAgent, kind: string) =>
    (
      await core.db
        .selectFrom("events")
        .select("id")
        .where("agent_id", "=", agent.agentId)
        .where("kind", "=", kind)
        .execute()
    ).length;

  it("the newer one wins, the older is fenced at another controller within a second, and an operator learns of it", async () => {
    const agent = await core.addAgent({ controller: 0 });
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    const clone = core.cloneAgent(agent, { controller: 1 });
    const clonedAtMs = performance.now();
    await clone.connect();
    // its writes are refused from that moment on, whether its session stands or not
    await expect(agent.finish(offer)).rejects.toMatchObject({ code: "revoked" });
    await waitFor("the end of the older session", () => agent.isSessionOver);
    expect(performance.now() - clonedAtMs).toBeLessThan(BITES_WITHIN_MS);
    expect(agent.sessionError).toMatchObject({ code: "conflict" });
    expect(await eventsOf(agent, "agent_cloned")).toBe(1);
    const metrics = await fetch(`${core.controllers[1]?.url}/metrics`, {
      headers: { authorization: `Bearer ${await core.adminToken()}` },
    });
    expect(await metrics.text()).toMatch(/^windrow_agent_clones_total 1$/m);
    await clone.runNext();
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("that take turns disable the agent: its job goes elsewhere, and resuming enables it again", async () => {
    const agent = await core.addAgent({ controller: 0 });
    await agent.connect();
    const runId = await core.insertRun(ONE);
    await agent.start(await agent.offer());
    const other = await core.addAgent({ controller: 0 });
    await other.connect();
    const clones = [1, 0, 1].map((controller) => core.cloneAgent(agent, { controller }));
    await clones[0]?.connect();
    await clones[1]?.connect();
    await expect(clones[2]?.connect()).rejects.toMatchObject({
      code: "not_allowed",
      message: expect.stringContaining("disabled: its credential is used by several processes"),
    });
    await waitFor("the end of the last session", () => clones[1]?.isSessionOver, { withinMs: BITES_WITHIN_MS });
    await expect(agent.connect({ instanceId: randomUUID() })).rejects.toMatchObject({ code: "not_allowed" });
    await other.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    expect(await eventsOf(agent, "agent_disabled")).toBe(1);

    expect((await call("POST", `${agent.agentId}/resume`, 1)).ok).toBe(true);
    await waitFor("its return", () =>
      agent.connect({ instanceId: randomUUID() }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "not_allowed" });
        return undefined;
      }),
    );
    const audit = await core.db.selectFrom("audit_entries").select("action").orderBy("id").execute();
    expect(audit.map((entry) => entry.action)).toEqual(expect.arrayContaining(["agent.remove", "agent.enable"]));
  });

  it("an agent that crashes and comes back again and again is no clone", async () => {
    const agent = await core.addAgent({ controller: 0 });
    for (let time = 0; time < 6; time++) {
      const process = core.cloneAgent(agent, { controller: time % 2 });
      await process.connect();
      process.close();
      await waitFor("the controller to see the end", async () => {
        const row = await core.db
          .selectFrom("agents")
          .select("session_controller")
          .where("id", "=", agent.agentId)
          .executeTakeFirst();
        return row?.session_controller === null;
      });
    }
    expect(await eventsOf(agent, "agent_cloned")).toBe(0);
    await agent.connect();
  });
});
