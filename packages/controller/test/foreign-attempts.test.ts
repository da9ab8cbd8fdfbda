import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { asAttemptId, asLeaseId, type LeaseRef, Refusal } from "@windrow/model";
import { type AgentApiClient, type Offer, PROTOCOL_VERSION } from "@windrow/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { type FakeAgent, report } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

const PROTO = readFileSync(new URL("../../../proto/windrow/v1/agent.proto", import.meta.url), "utf8");
/** Every call of the specification: a new one without a case fails. */
const CALLS = [...PROTO.matchAll(/^ {2}rpc (\w+)\(/gm)].map((match) => match[1] ?? "");

const WORK = `
on: push
jobs:
  build: { runs-on: linux, steps: [{ uses: actions/checkout@v4 }, { run: "true" }] }
`;

let core: Core;
/** Holds the attempt. */
let owner: FakeAgent;
let offer: Offer;
/** Has a certificate of the farm, too, and knows everything about the attempt. */
let thief: FakeAgent;
let digest: string;

beforeAll(async () => {
  core = await startCore();
  owner = await core.addAgent();
  await owner.connect();
  await core.insertRun(WORK);
  offer = await owner.offer();
  digest = (await owner.start(offer)).plan.eventDigest;
  await owner.ship(offer, { "0": Buffer.from("mine\n") });
  thief = await core.addAgent({ labels: ["other"] });
  await thief.connect();
});
afterAll(() => core.stop());

/** What each call answers to somebody who names this lease; the refusal, or what came instead. */
const CASES: Record<string, (api: AgentApiClient, lease: LeaseRef) => Promise<unknown>> = {
  Session: async (_api, lease) => {
    thief.held.set(lease.attemptId, lease);
    try {
      const welcome = await thief.connect({ instanceId: randomUUID() });
      expect(welcome.revokedAttemptIds).toEqual([lease.attemptId]);
      thief.session?.send({ kind: "offerAnswer", ...lease, accepted: true });
      const reply = await thief.beat();
      expect(reply.renewedAttemptIds).toEqual([]);
      expect(reply.revokedAttemptIds).toEqual([lease.attemptId]);
    } finally {
      thief.held.clear();
    }
    throw new Refusal("revoked", "told as not its own, in both ways");
  },
  StartAttempt: (api, lease) => api.startAttempt({ lease }),
  ReportSteps: (api, lease) =>
    api.reportSteps({ lease, steps: [{ stepNo: 0, name: "stolen", state: "running", startedAtMs: 1 }] }),
  ShipLog: async (api, lease) => {
    const log = api.openLog();
    await log.send({ kind: "open", lease });
    await log.send({ kind: "chunk", stream: "0", offset: 5, data: Buffer.from("stolen"), times: [], end: true });
    log.end();
    const acks = [];
    for await (const ack of log.acks) acks.push(ack);
    return acks;
  },
  FinishAttempt: (api, lease) => api.finishAttempt({ lease, report: report({ outcome: "failed" }), steps: [] }),
  FetchDocument: (api, lease) => api.fetchDocument({ lease, digest, offset: 0 }),
  PinImage: (api, lease) => api.pinImage({ lease, image: "alpine:3", found: "" }),
  ResolveAction: (api, lease) => api.resolveAction({ lease, repository: "actions/checkout", ref: "v4" }),
  FetchAction: (api, lease) =>
    api.fetchAction({ lease, repository: "actions/checkout", sha: "a".repeat(40), offset: 0 }),
};

async function refusalOf(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    throw new Error(`was answered ${JSON.stringify(await call)}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { code: error.code, message: error.message };
  }
}

/** Everything of the attempt that a call could change. */
async function rowsOfOwner() {
  const attempt = await core.db
    .selectFrom("attempts")
    .select(["state", "outcome", "session_no", "agent_id", "lease_id"])
    .where("id", "=", offer.attemptId)
    .executeTakeFirst();
  const steps = await core.db.selectFrom("steps").selectAll().where("attempt_id", "=", offer.attemptId).execute();
  const logs = await core.db.selectFrom("log_streams").selectAll().where("attempt_id", "=", offer.attemptId).execute();
  const agent = await core.db
    .selectFrom("agents")
    .select(["state", "session_no", "instance_id"])
    .where("id", "=", owner.agentId)
    .executeTakeFirst();
  return { attempt, steps, logs, agent };
}

describe("S05: an agent that names another agent's attempt", () => {
  it("is tried with every call of the specification", () => {
    expect(Object.keys(CASES).sort()).toEqual([...CALLS].sort());
  });

  it.each(CALLS)("%s is refused as for an attempt that does not exist, and nothing changes", async (name) => {
    const call = CASES[name];
    if (call === undefined) throw new Error(`no case for ${name}`);
    const before = await rowsOfOwner();
    const { attemptId, leaseId } = offer;
    const none = { attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) };
    for (const sessionNo of [owner.sessionNo, thief.sessionNo]) {
      const stolen = await refusalOf(call(thief.api, { attemptId, leaseId, sessionNo }));
      expect(["revoked", "not_found", "not_allowed"]).toContain(stolen.code);
      const imagined = await refusalOf(call(thief.api, { ...none, sessionNo }));
      const nameless = (text: string) => text.replaceAll(attemptId, "ID").replaceAll(none.attemptId, "ID");
      expect({ ...imagined, message: nameless(imagined.message) }).toEqual({
        ...stolen,
        message: nameless(stolen.message),
      });
    }
    expect(await rowsOfOwner()).toEqual(before);
  });
});

describe("S04: an agent with a good certificate that says it is another", () => {
  it("has no field in which to say so", () => {
    const messages = [...PROTO.matchAll(/^message (\w+) \{([\s\S]*?)^\}/gm)];
    const naming = messages.filter(([, , body]) => /\bagent_(id|name)\b/.test(body ?? "")).map((match) => match[1]);
    // the controller tells the agent who it is, never the other way round
    expect(naming).toEqual(["Welcome"]);
  });

  it("with the process, the leases and the session of the other stays itself, and the other is untouched", async () => {
    const before = await rowsOfOwner();
    const session = thief.api.session();
    const messages = session.messages[Symbol.asyncIterator]();
    session.send({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      instanceId: owner.instanceId,
      agentVersion: "test",
      slots: 1,
      labels: [],
      held: [{ attemptId: offer.attemptId, leaseId: offer.leaseId }],
      hostname: "test",
    });
    const { value: welcome } = await messages.next();
    expect(welcome).toMatchObject({ kind: "welcome", agentId: thief.agentId, revokedAttemptIds: [offer.attemptId] });
    session.close();
    expect(await rowsOfOwner()).toEqual(before);
    expect(owner.isSessionOver).toBe(false);
    const beat = await owner.beat();
    expect(beat.renewedAttemptIds).toEqual([offer.attemptId]);
    await owner.finish(offer);
    await waitFor("the owner's own end", async () => (await rowsOfOwner()).attempt?.outcome === "succeeded");
  });
});
