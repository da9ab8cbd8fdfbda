import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { openAuthority } from "@windrow/certificates";
import { makeTestIdentity } from "@windrow/certificates/testing";
import { asInstanceId, Refusal } from "@windrow/model";
import {
  inTransaction,
  listAgentViews,
  lockAgentForSession,
  openSession,
  readLossFacts,
  type StartedAttempt,
  startAttempts,
} from "@windrow/store";
import { type AgentApiClient, createAgentApiClient, PROTOCOL_VERSION } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
  await core.setPool({ suspect_after_ms: 1_000, lost_after_ms: 3_000, lease_margin_ms: 200, offer_ms: 2_000 });
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";
const REVOKED = expect.objectContaining({ code: "revoked" });

async function agentState(agent: FakeAgent): Promise<string | undefined> {
  const row = await core.db.selectFrom("agents").select("state").where("id", "=", agent.agentId).executeTakeFirst();
  return row?.state;
}

describe("leases", () => {
  it("a replayed start returns the same plan and a fresh job token", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    const first = await agent.start(offer);
    const second = await agent.start(offer);
    expect(second.plan).toEqual(first.plan);
    expect(second.jobToken).not.toBe(first.jobToken);
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("a replayed finish returns the stored answer, and nothing may be written afterwards", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    const answer = await agent.finish(offer);
    expect(answer).toEqual({ kind: "accepted", jobState: "finished" });
    expect(await agent.finish(offer, { outcome: "failed" })).toEqual(answer);
    expect(await core.runFinished(runId)).toBe("success");
    await expect(agent.api.reportSteps({ lease: agent.lease(offer), steps: [] })).rejects.toEqual(REVOKED);
    await expect(agent.ship(offer, { "0": Buffer.from("late") })).rejects.toEqual(REVOKED);
    await expect(agent.start(offer)).rejects.toEqual(REVOKED);
  });

  it("an offer that nobody starts goes to somebody else at no cost", async () => {
    const [first, second] = [await core.addAgent(), await core.addAgent()];
    await first.connect();
    const runId = await core.insertRun(ONE);
    const offer = await first.offer();
    first.session?.close();
    await second.connect();
    await second.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    await expect(first.start(offer)).rejects.toEqual(REVOKED);
    const [job] = await core.jobs(runId);
    expect(job).toMatchObject({ attempt_count: 2 });
    const attempts = await core.db
      .selectFrom("attempts")
      .select("state")
      .where("job_id", "=", job?.id ?? 0)
      .orderBy("no")
      .execute();
    expect(attempts.map((attempt) => attempt.state)).toEqual(["expired", "finished"]);
  });

  it("an agent that lets an offer run out does not get the job again while another one has room", async () => {
    const agents = [await core.addAgent(), await core.addAgent()];
    for (const agent of agents) await agent.connect();
    const runId = await core.insertRun(ONE);
    const deaf = await waitFor("an offer", () => agents.find((agent) => agent.offers.length > 0));
    const other = agents.find((agent) => agent !== deaf);
    await other?.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    const [job] = await core.jobs(runId);
    expect(job?.attempt_count).toBe(2);
    await waitFor("its next heartbeat to bring it back", async () => (await agentState(deaf)) === "ready");
  });

  it("an agent whose slot is free a moment after its last job ended is asked again after a moment", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const { attemptId, leaseId } = await agent.offer();
    agent.held.clear();
    agent.session?.send({ kind: "offerAnswer", attemptId, leaseId, accepted: false, declineReason: "no_free_slot" });
    const again = await agent.offer();
    const rows = await core.db
      .selectFrom("attempts")
      .selectAll()
      .where("job_id", "=", again.jobId)
      .orderBy("no")
      .execute();
    const [declined, second] = rows;
    expect((second?.offered_at.getTime() ?? 0) - (declined?.finished_at?.getTime() ?? 0)).toBeLessThan(700);
    await agent.start(again);
    await agent.finish(again);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("a declined offer goes back to the queue at once", async () => {
    const [first, second] = [await core.addAgent(), await core.addAgent()];
    await first.connect();
    const runId = await core.insertRun(ONE);
    const { attemptId, leaseId } = await first.offer();
    first.session?.send({ kind: "offerAnswer", attemptId, leaseId, accepted: false, declineReason: "disk_full" });
    await second.connect();
    await second.runNext();
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("heartbeats keep a lease; silence loses it, and the late agent is refused everything", async () => {
    const [slow, other] = [await core.addAgent(), await core.addAgent()];
    await slow.connect();
    const runId = await core.insertRun(ONE);
    const offer = await slow.offer();
    await slow.start(offer);
    expect((await slow.beat()).renewedAttemptIds).toEqual([offer.attemptId]);
    await other.connect();
    slow.isSilent = true;
    const again = await other.offer();
    expect(again.jobId).toBe(offer.jobId);
    expect(again.attemptNo).toBe(2);
    expect(again.fence).toBeGreaterThan(offer.fence);
    await expect(slow.finish(offer)).rejects.toEqual(REVOKED);
    await expect(slow.ship(offer, { "0": Buffer.from("late") })).rejects.toEqual(REVOKED);
    await other.start(again);
    await other.finish(again);
    expect(await core.runFinished(runId)).toBe("success");
    expect(await core.eventKinds(runId)).toContain("attempt_lost");
  });

  it("spends the infra budget of a job that loses its agents again and again, then ends it lost", async () => {
    await core.setPool({ infra_retries_max: 0 });
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    expect(await agent.finish(offer, { outcome: "failed", reason: "infra_fault" })).toEqual({
      kind: "accepted",
      jobState: "finished",
    });
    expect(await core.runFinished(runId)).toBe("failure");
    expect(await core.jobs(runId)).toMatchObject([{ outcome: "lost", reason: "infra_fault" }]);
    await core.setPool({ infra_retries_max: 2 });
  });
});

describe("sessions", () => {
  it("a closed connection makes the agent suspect, and a new session of the same process continues", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    const before = agent.sessionNo;
    agent.session?.close();
    await waitFor("the agent to be suspect", async () => (await agentState(agent)) === "suspect");
    const welcome = await agent.connect();
    expect(welcome.sessionNo).toBeGreaterThan(before);
    expect(welcome.revokedAttemptIds).toEqual([]);
    expect(await agentState(agent)).toBe("ready");
    // a call that was on its way with the earlier session's number is still of the same process
    await agent.api.reportSteps({ lease: agent.lease(offer, before), steps: [] });
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("an agent that says goodbye and holds nothing is lost at once; one that holds a job is suspect", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    agent.session?.end();
    await waitFor("the agent to be lost", async () => (await agentState(agent)) === "lost");
    const [view] = await listAgentViews(core.db, { idOrName: agent.agentId });
    expect(view?.stopped_at).toBeInstanceOf(Date);
    await agent.connect();
    expect(await agentState(agent)).toBe("ready");
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    agent.session?.end();
    await waitFor("the agent to be suspect", async () => (await agentState(agent)) === "suspect");
    await agent.connect();
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("agents that said goodbye do not pull the expiry brake", async () => {
    const agents = await Promise.all(Array.from({ length: 4 }, () => core.addAgent()));
    for (const agent of agents) await agent.connect();
    for (const agent of agents.slice(1)) agent.session?.end();
    const facts = async () => (await readLossFacts(core.db, 10_000)).find((one) => one.pool === "default");
    await waitFor("three agents to be gone", async () => (await facts())?.agentsCount === 1);
    expect(await facts()).toMatchObject({ lostCount: 0 });
  });

  it("a new process takes over at once; the earlier one may write nothing and is a clone when it comes back", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    const before = agent.sessionNo;
    const earlier = agent.instanceId;
    await agent.connect({ instanceId: randomUUID() });
    await expect(agent.api.reportSteps({ lease: agent.lease(offer, before), steps: [] })).rejects.toEqual(REVOKED);
    await agent.start(offer);
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
    await expect(agent.connect({ instanceId: earlier })).rejects.toEqual(expect.objectContaining({ code: "conflict" }));
    const events = await core.db.selectFrom("events").select("kind").where("agent_id", "=", agent.agentId).execute();
    expect(events.map((event) => event.kind)).toContain("agent_cloned");
  });

  it("ends the older session of an agent that is connected twice", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const older = agent.api.session();
    const ended = (async () => {
      for await (const _ of older.messages);
    })().catch((error: unknown) => error);
    older.send({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      instanceId: agent.instanceId,
      agentVersion: "test",
      slots: 1,
      labels: [],
      held: [],
      hostname: "test",
    });
    await waitFor("the first session's end", () => agent.isSessionOver);
    expect(agent.sessionError).toBeInstanceOf(Refusal);
    await agent.connect();
    expect(await ended).toEqual(expect.objectContaining({ code: "conflict" }));
  });

  it("an earlier process cannot start an offer while a new one is taking over", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    await core.insertRun(ONE);
    const plan = await agent.runNext();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    const start = { ...agent.lease(offer), agentId: agent.agentId, plan, jobTokenHash: Buffer.from(offer.attemptId) };
    const instanceId = asInstanceId(randomUUID());
    const activity = core.db.withTables<{ pg_stat_activity: { query: string; wait_event_type: string | null } }>();
    const opened = await inTransaction(core.db, async (tx) => {
      const facts = await lockAgentForSession(tx, agent.agentId, instanceId);
      const started: Promise<StartedAttempt[]> = startAttempts(core.db, [start]);
      await waitFor("the start to wait for the new session", async () => {
        const waiting = activity.selectFrom("pg_stat_activity").select("query").where("wait_event_type", "=", "Lock");
        return (await waiting.where("query", "like", "%job_token_hash = r.job_token_hash%").execute()).length > 0;
      });
      await openSession(tx, {
        agentId: agent.agentId,
        instanceId,
        isNewInstance: true,
        sessionNo: (facts?.sessionNo ?? 0) + 1,
        controllerId: randomUUID(),
        drainRequested: false,
        slots: 1,
        labels: ["linux"],
        version: "test",
        protocolVersion: PROTOCOL_VERSION,
        hostname: "test",
        held: [],
      });
      return { started };
    });
    expect(await opened.started).toEqual([]);
    const other = await core.addAgent();
    await other.connect();
    await other.runNext();
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("loses at once what a new process of the agent does not know of", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    agent.held.clear();
    await agent.connect({ instanceId: randomUUID() });
    const again = await agent.offer(2_000);
    expect(again.attemptNo).toBe(2);
    await agent.start(again);
    await agent.finish(again);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("refuses a certificate that is not the registered one and an unspoken version", async () => {
    const agent = await core.addAgent();
    const address = `127.0.0.1:${core.controllers[0]?.grpcPort}`;
    const ask = async (api: AgentApiClient, protocolVersion: number) => {
      const call = api.session();
      const { instanceId } = agent;
      const facts = { agentVersion: "test", slots: 1, labels: [], held: [], hostname: "test" };
      call.send({ kind: "hello", protocolVersion, instanceId, ...facts });
      for await (const _ of call.messages);
    };
    await expect(ask(agent.api, 99)).rejects.toEqual(expect.objectContaining({ code: "unsupported_version" }));
    const authority = await openAuthority(join(core.dataDir, "tls"), Date.now());
    // a certificate of the farm for an agent that is none, and one for this agent with another key
    for (const agentId of [randomUUID(), agent.agentId]) {
      const stranger = createAgentApiClient({ address, tls: await makeTestIdentity(authority, agentId) });
      await expect(ask(stranger, PROTOCOL_VERSION)).rejects.toEqual(
        expect.objectContaining({ code: "unauthenticated" }),
      );
      stranger.close();
    }
  });
});
