import { createHash, randomBytes, randomUUID } from "node:crypto";
import { asAgentId, type StreamSeal } from "@windrow/model";
import { systemClock } from "@windrow/service";
import type { Offer } from "@windrow/wire";
import { LogGap } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createFinishAttempt } from "../src/agent-api/finish-attempt.ts";
import { createStreamHashes } from "../src/agent-api/stream-hashes.ts";
import { createDatabaseWatch } from "../src/database-watch.ts";
import { createMetrics } from "../src/metrics.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";
import { type Core, startCore } from "./core-kit.ts";
import { type FakeAgent, report } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";

async function startOne(): Promise<{ agent: FakeAgent; offer: Offer; runId: number }> {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(ONE);
  const offer = await agent.offer();
  await agent.start(offer);
  return { agent, offer, runId };
}

async function readLog(offer: Offer, stream = "0"): Promise<Buffer> {
  const url = `${core.controllers[0]?.url}/api/v1/jobs/${offer.jobId}/logs?stream=${stream}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${await core.adminToken()}` } });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

const sealOf = (bytes: Buffer, stream: StreamSeal["stream"] = "0"): StreamSeal => ({
  stream,
  lengthBytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

describe("logs", () => {
  it("come back byte for byte, over several segments and streams", async () => {
    const { agent, offer, runId } = await startOne();
    const big = randomBytes(5 * 1024 * 1024 + 17);
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const seals = await agent.ship(offer, { "0": big, system: all });
    expect(await agent.finish(offer, { seals })).toMatchObject({ kind: "accepted" });
    expect(await core.runFinished(runId)).toBe("success");
    expect((await readLog(offer)).equals(big)).toBe(true);
    expect((await readLog(offer, "system")).equals(all)).toBe(true);
    const segments = await core.db
      .selectFrom("log_segments")
      .selectAll()
      .where("attempt_id", "=", offer.attemptId)
      .where("stream", "=", "0")
      .execute();
    expect(segments.length).toBeGreaterThan(4);
  });

  it("hold a finish back until every sealed byte is there", async () => {
    const { agent, offer, runId } = await startOne();
    const bytes = randomBytes(1_000);
    await agent.ship(offer, { "0": bytes.subarray(0, 400) });
    const seals = [sealOf(bytes)];
    expect(await agent.finish(offer, { seals })).toEqual({ kind: "needLog", stream: "0", offset: 400 });
    await agent.ship(offer, { "0": bytes });
    expect(await agent.finish(offer, { seals })).toMatchObject({ kind: "accepted" });
    expect(await core.runFinished(runId)).toBe("success");
    expect((await readLog(offer)).equals(bytes)).toBe(true);
  });

  it("that differ from their seal are shipped once more, then called incomplete", async () => {
    const { agent, offer, runId } = await startOne();
    const [sent, sealed] = [randomBytes(100), randomBytes(100)];
    await agent.ship(offer, { "0": sent });
    expect(await agent.finish(offer, { seals: [sealOf(sealed)] })).toEqual({ kind: "needLog", stream: "0", offset: 0 });
    await agent.ship(offer, { "0": sealed });
    expect(await agent.finish(offer, { seals: [sealOf(sealed)] })).toMatchObject({ kind: "accepted" });
    expect((await readLog(offer)).equals(sealed)).toBe(true);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("are read again by a controller that did not receive them, for nobody but the holder of the attempt", async () => {
    const { agent, offer, runId } = await startOne();
    const bytes = Buffer.from("hello\n");
    await agent.ship(offer, { "0": bytes });
    let readCount = 0;
    const finish = createFinishAttempt({
      db: core.db,
      publicUrl: () => "http://farm",
      texts: createRunTexts(),
      watch: createDatabaseWatch(systemClock),
      metrics: createMetrics(async () => ({})),
      announcer: { announce: () => undefined, announceRun: () => undefined, tellCancels: () => undefined },
      hashes: createStreamHashes(async function* () {
        readCount++;
        yield bytes;
      }),
    });
    const request = (seal: StreamSeal) => ({ lease: agent.lease(offer), report: report({ seals: [seal] }), steps: [] });
    const other = { agentId: asAgentId(randomUUID()) };
    await expect(finish(other, request(sealOf(bytes)))).rejects.toMatchObject({ code: "revoked" });
    expect(readCount).toBe(0);
    expect(await finish(agent, request(sealOf(Buffer.from("other\n"))))).toMatchObject({ kind: "needLog", offset: 0 });
    await agent.ship(offer, { "0": bytes });
    expect(await finish(agent, request(sealOf(bytes)))).toMatchObject({ kind: "accepted" });
    expect(readCount).toBe(2);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("with a gap are refused with the offset that is expected", async () => {
    const { agent, offer, runId } = await startOne();
    const log = agent.api.openLog();
    await log.send({ kind: "open", lease: agent.lease(offer) });
    await log.send({ kind: "chunk", stream: "0", offset: 10, data: Buffer.from("x"), times: [], end: false });
    const read = async () => {
      for await (const _ of log.acks);
    };
    await expect(read()).rejects.toEqual(new LogGap("0", 0));
    // or a later test's agent would be offered this job as well
    await agent.finish(offer, { seals: [] });
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("go on where they were when the connection breaks, and doubled bytes are ignored", async () => {
    const { agent, offer, runId } = await startOne();
    const bytes = randomBytes(300_000);
    const broken = agent.api.openLog();
    await broken.send({ kind: "open", lease: agent.lease(offer) });
    await broken.send({
      kind: "chunk",
      stream: "0",
      offset: 0,
      data: bytes.subarray(0, 200_000),
      times: [],
      end: false,
    });
    broken.end();
    for await (const _ of broken.acks);
    const again = agent.api.openLog();
    await again.send({ kind: "open", lease: agent.lease(offer) });
    const first = await again.acks[Symbol.asyncIterator]().next();
    expect(first.value).toEqual({ stream: "0", offset: 200_000 });
    again.close();
    const seals = await agent.ship(offer, { "0": bytes });
    expect(await agent.finish(offer, { seals })).toMatchObject({ kind: "accepted" });
    expect(await core.runFinished(runId)).toBe("success");
    expect((await readLog(offer)).equals(bytes)).toBe(true);
  });

  it("are followed while they are written, before they are durable", async () => {
    const { agent, offer, runId } = await startOne();
    const stop = new AbortController();
    const response = await fetch(`${core.controllers[0]?.url}/api/v1/jobs/${offer.jobId}/logs/follow?stream=0`, {
      headers: { authorization: `Bearer ${await core.adminToken()}` },
      signal: stop.signal,
    });
    expect(response.status).toBe(200);
    const log = agent.api.openLog();
    await log.send({ kind: "open", lease: agent.lease(offer) });
    const line = Buffer.from("first line\n");
    const sentAt = systemClock.monotonicMs();
    await log.send({ kind: "chunk", stream: "0", offset: 0, data: line, times: [], end: false });
    const reader = response.body?.getReader();
    let seen = "";
    await waitFor("the first line", async () => {
      const { value } = (await reader?.read()) ?? {};
      seen += Buffer.from(value ?? []).toString();
      return seen.includes(line.toString("base64")) || undefined;
    });
    expect(systemClock.monotonicMs() - sentAt).toBeLessThan(4_000);
    stop.abort();
    log.close();
    await agent.finish(offer, { seals: [] });
    expect(await core.runFinished(runId)).toBe("success");
  });
});
