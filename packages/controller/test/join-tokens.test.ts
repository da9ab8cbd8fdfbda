import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { performance } from "node:perf_hooks";
import { makeAgentKey, makeCertificateRequest, readAgentCertificate } from "@windrow/certificates";
import type { JoinAnswer } from "@windrow/contract";
import { createUserNkey } from "@windrow/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./edge-kit.ts";
import { waitFor } from "./wait-for.ts";

let edge: Edge;
let admin: string;
beforeAll(async () => {
  edge = await startEdge();
  admin = await edge.makeToken({ role: "admin", name: "root" });
  await edge.db.insertInto("pools").values({ name: "gpu" }).execute();
});
afterAll(() => edge.stop());

async function makeJoinToken(more: object = {}): Promise<{ token: { id: string }; secret: string }> {
  return edge.json("POST", "/api/v1/tokens", { token: admin, body: { kind: "join", ...more } });
}

async function bodyOf(more: object = {}) {
  const facts = { name: `box-${randomUUID().slice(0, 8)}`, hostname: "box", version: "1", slots: 1, labels: [] };
  const certificate_request = await makeCertificateRequest(makeAgentKey());
  return { ...facts, nats_public_key: createUserNkey().publicKey, certificate_request, ...more };
}

const join = (body: object, token?: string) =>
  edge.api("POST", "/api/v1/agents/join", { body, ...(token !== undefined && { token }) });

function joinFrom(localAddress: string, body: object, token: string): Promise<number | undefined> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request(`${edge.url}/api/v1/agents/join`, { method: "POST", headers, localAddress }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode));
    });
    asked.once("error", reject);
    asked.end(JSON.stringify(body));
  });
}

const agentsCount = async () => (await edge.db.selectFrom("agents").select("id").execute()).length;

const auditOf = async (tokenId: string, action: string) =>
  (await edge.db.selectFrom("audit_entries").selectAll().where("token_id", "=", tokenId).execute()).filter(
    (entry) => entry.action === action,
  );

describe("S01: a join token", () => {
  it("used up, after its time or revoked makes no agent, and the try stands in the audit trail", async () => {
    const used = await makeJoinToken();
    expect((await join(await bodyOf(), used.secret)).status).toBe(201);
    expect(await auditOf(used.token.id, "agent.join")).toHaveLength(1);
    const late = await makeJoinToken();
    await edge.db
      .updateTable("tokens")
      .set({ expires_at: new Date(Date.now() - 1_000) })
      .where("id", "=", late.token.id)
      .execute();
    const revoked = await makeJoinToken();
    await edge.api("DELETE", `/api/v1/tokens/${revoked.token.id}`, { token: admin });
    const before = await agentsCount();
    for (const { token, secret } of [used, late, revoked]) {
      const answer = await join(await bodyOf(), secret);
      expect(answer.status).toBe(401);
      await waitFor("the audit entry", async () => (await auditOf(token.id, "agent.join_refused")).length === 1);
    }
    expect(await agentsCount()).toBe(before);
  });

  it("leaves the slots to the pool where the agent does not say how many", async () => {
    await edge.api("PUT", "/api/v1/pools/wide", { token: admin, body: { slots_per_agent: 6 } });
    const { secret } = await makeJoinToken({ pool: "wide", uses_max: 2 });
    const slotsOf = async (body: object): Promise<unknown> => {
      const joined: JoinAnswer = JSON.parse(await (await join(body, secret)).text());
      const row = await edge.db
        .selectFrom("agents")
        .select("slots")
        .where("id", "=", joined.agent_id)
        .executeTakeFirst();
      expect(row?.slots).toBe(joined.slots);
      return joined.slots;
    };
    expect(await slotsOf({ ...(await bodyOf()), slots: undefined })).toBe(6);
    expect(await slotsOf({ ...(await bodyOf()), slots: 2 })).toBe(2);
  });

  it("brings an agent into its own pool, whatever the agent asks for", async () => {
    const { secret } = await makeJoinToken({ pool: "gpu" });
    const answer = await join({ ...(await bodyOf()), pool: "default" }, secret);
    const joined: JoinAnswer = JSON.parse(await answer.text());
    expect(joined.pool).toBe("gpu");
    const row = await edge.db.selectFrom("agents").select("pool").where("id", "=", joined.agent_id).executeTakeFirst();
    expect(row?.pool).toBe("gpu");
  });

  it("is refused as fast as one that never was, within what can be measured here", async () => {
    const used = await makeJoinToken();
    await join(await bodyOf(), used.secret);
    const unknown = used.secret.replace(/^wrj_.{4}/, "wrj_AAAA");
    // one body for all: making requests takes longer than refusing them
    const body = await bodyOf();
    let address = 1;
    // from another address each time: one that errs often is shut out
    const timeOf = async (secret: string) => {
      const startedMs = performance.now();
      expect(await joinFrom(`127.0.1.${address++}`, body, secret)).toBe(401);
      return performance.now() - startedMs;
    };
    const times: Record<"used" | "unknown", number[]> = { used: [], unknown: [] };
    for (let round = 0; round < 30; round++) {
      times.used.push(await timeOf(used.secret));
      times.unknown.push(await timeOf(unknown));
    }
    const medianOf = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
    const [usedMs, unknownMs] = [medianOf(times.used), medianOf(times.unknown)];
    // a token has 256 random bits, so that time tells nobody anything that helps; the bound only finds gross mistakes
    expect(Math.abs(usedMs - unknownMs)).toBeLessThan(Math.max(25, 0.7 * Math.max(usedMs, unknownMs)));
  });

  it("with a request that proves no key, or another kind of key, is not spent", async () => {
    const { secret } = await makeJoinToken();
    const good = await bodyOf();
    const other = await bodyOf();
    // the key of one request under the signature of another
    const wrong = [
      {
        ...good,
        certificate_request: `${good.certificate_request.slice(0, 200)}${other.certificate_request.slice(200)}`,
      },
      { ...good, certificate_request: "nonsense" },
      { ...good, nats_public_key: `U${"A".repeat(55)}` },
    ];
    for (const body of wrong) expect((await join(body, secret)).status).toBe(400);
    expect((await join(good, secret)).status).toBe(201);
  });

  it("asked again with the same key by an agent whose answer was lost, brings the same agent and spends nothing more", async () => {
    const { token, secret } = await makeJoinToken();
    const body = await bodyOf();
    const before = await agentsCount();
    const answers: JoinAnswer[] = [];
    for (let time = 0; time < 3; time++) answers.push(JSON.parse(await (await join(body, secret)).text()));
    expect(new Set(answers.map((answer) => answer.agent_id)).size).toBe(1);
    expect(await agentsCount()).toBe(before + 1);
    const row = await edge.db.selectFrom("tokens").select("uses_count").where("id", "=", token.id).executeTakeFirst();
    expect(row?.uses_count).toBe(1);
    // the token and the public halves alone, without the private key, are not enough to be it
    const stolen = { ...body, certificate_request: (await bodyOf()).certificate_request };
    expect((await join(stolen, secret)).status).toBe(401);
    const [first] = answers;
    if (first === undefined) throw new Error("no answer");
    expect(readAgentCertificate(first.certificate, first.authority)).toMatchObject({ agentId: first.agent_id });
  });
});

describe("S02: an address that tries join tokens", () => {
  it("is shut out after ten wrong ones in a minute, while others, and a right token, get in", async () => {
    const body = await bodyOf();
    const { secret } = await makeJoinToken();
    const guess = () => `wrj_${randomUUID().replaceAll("-", "")}AAAAAAAAAAA`;
    const statuses: (number | undefined)[] = [];
    for (let time = 0; time < 15; time++) statuses.push(await joinFrom("127.0.2.1", body, guess()));
    expect(statuses).toEqual([...Array(10).fill(401), ...Array(5).fill(429)]);
    expect(await joinFrom("127.0.2.2", body, guess())).toBe(401);
    expect(await joinFrom("127.0.2.1", body, secret)).toBe(201);
  });
});
