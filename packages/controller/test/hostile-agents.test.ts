import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { performance } from "node:perf_hooks";
import { connect as connectTls } from "node:tls";
import { LABELS_MAX, SESSION_MESSAGE_BYTES_MAX } from "@windrow/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

const PROTO = readFileSync(new URL("../../../proto/windrow/v1/agent.proto", import.meta.url), "utf8");
const CALLS = [...PROTO.matchAll(/^ {2}rpc (\w+)\(/gm)].map((match) => match[1] ?? "");
const RESOURCE_EXHAUSTED = "8";
const INVALID_ARGUMENT = "3";
const MIB = 1024 * 1024;

let core: Core;
let hostile: FakeAgent;
/** Everybody else: what the hostile ones do must not reach it. */
let honest: FakeAgent;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

beforeAll(async () => {
  process.on("unhandledRejection", note);
  core = await startCore();
  hostile = await core.addAgent();
  honest = await core.addAgent();
  await honest.connect();
});
afterAll(async () => {
  await core.stop();
  process.off("unhandledRejection", note);
});

const port = () => core.controllers[0]?.grpcPort ?? 0;

/** A connection with a good certificate, and nothing of the library that agents use. */
function openRaw(): ClientHttp2Session {
  const { ca, cert, key, serverName } = hostile.tls;
  const session = connectHttp2(`https://127.0.0.1:${port()}`, { ca, cert, key, servername: serverName });
  session.on("error", () => undefined);
  return session;
}

/** One call with these bytes; the gRPC status, or `closed` when the connection ended first. */
function callRaw(session: ClientHttp2Session, name: string, body: Buffer | readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": `/windrow.v1.AgentService/${name}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const done = (status: unknown) => resolve(typeof status === "string" ? status : "closed");
    stream.on("response", (headers) => headers["grpc-status"] !== undefined && done(headers["grpc-status"]));
    stream.on("trailers", (trailers) => done(trailers["grpc-status"]));
    stream.on("error", () => done(undefined));
    stream.on("close", () => done(undefined));
    stream.resume();
    for (const piece of Array.isArray(body) ? body : [body]) stream.write(piece);
    stream.end();
  });
}

function frame(message: Buffer, declaredBytes = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(declaredBytes, 1);
  return Buffer.concat([head, message]);
}

/** A protobuf field of bytes. */
function field(no: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([(no << 3) | 2, ...length]), bytes]);
}

/** How long the honest agent's heartbeats take while `work` goes on, ms, longest last. */
async function beatsDuring(work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  do {
    const startedMs = performance.now();
    await honest.beat();
    times.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!isOver);
  await work;
  return times.sort((a, b) => a - b);
}

const p99 = (times: readonly number[]): number => times[Math.floor((times.length - 1) * 0.99)] ?? 0;

describe("S06: bytes that are no protocol", () => {
  const FUZZ_MS = 3_000;

  it("before the handshake, in it, and without a certificate reach nothing", async () => {
    const untilMs = performance.now() + FUZZ_MS;
    let triesCount = 0;
    const fuzz = async () => {
      while (performance.now() < untilMs) {
        triesCount++;
        const isPlain = triesCount % 2 === 0;
        const socket = isPlain
          ? connectTcp({ host: "127.0.0.1", port: port() })
          : connectTls({ host: "127.0.0.1", port: port(), rejectUnauthorized: false, ALPNProtocols: ["h2"] });
        socket.on("error", () => undefined);
        const isOpen = once(socket, isPlain ? "connect" : "secureConnect").catch(() => undefined);
        await Promise.race([isOpen, once(socket, "close").catch(() => undefined)]);
        if (!socket.destroyed) socket.write(randomBytes(1 + Math.floor(Math.random() * 4_096)));
        await Promise.race([
          once(socket, "close").catch(() => undefined),
          new Promise((resolve) => setTimeout(resolve, 20)),
        ]);
        socket.destroy();
      }
    };
    const beats = await beatsDuring(Promise.all([fuzz(), fuzz(), fuzz(), fuzz()]));
    expect(triesCount).toBeGreaterThan(20);
    expect(p99(beats)).toBeLessThan(3_000);
    expect(unhandled).toEqual([]);
  });

  it("in every call of an agent are refused with a status, and the controller's memory stays bounded", async () => {
    const before = process.memoryUsage().rss;
    const untilMs = performance.now() + FUZZ_MS;
    const statuses = new Map<string, number>();
    const fuzz = async () => {
      let session = openRaw();
      for (let no = 0; performance.now() < untilMs; no++) {
        const message = randomBytes(Math.floor(Math.random() * 2_000));
        const kinds = [
          () => frame(message),
          // says more than it sends
          () => frame(message, message.length + 1_000),
          // a message in a message, to get past the first look
          () => frame(field(1 + (no % 3), field(1, message))),
          // no frame at all
          () => message,
        ];
        const name = CALLS[no % CALLS.length] ?? "";
        const status = await Promise.race([
          callRaw(session, no % 17 === 0 ? "NoSuchCall" : name, kinds[no % kinds.length]?.() ?? message),
          new Promise<string>((resolve) => setTimeout(() => resolve("unanswered"), 1_000)),
        ]);
        // a log that ends before its first whole message is none, and ends in order
        const kind = name === "ShipLog" && status === "0" ? "no log" : status;
        statuses.set(kind, (statuses.get(kind) ?? 0) + 1);
        if (session.destroyed || session.closed) session = openRaw();
      }
      session.destroy();
    };
    const beats = await beatsDuring(Promise.all([fuzz(), fuzz(), fuzz()]));
    expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
    expect(statuses.get("0"), "a success").toBeUndefined();
    expect(p99(beats)).toBeLessThan(3_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MIB);
    expect(unhandled).toEqual([]);
    await hostile.connect();
  });
});

describe("S07: an agent that floods", () => {
  const helloOf = (labels: Buffer) => frame(field(1, labels));
  const label = field(5, Buffer.from("a"));

  it("a million labels are refused unread, as are 64 MiB", async () => {
    const labels = Buffer.concat(Array.from({ length: 1_000_000 }, () => label));
    expect(labels.length).toBeGreaterThan(SESSION_MESSAGE_BYTES_MAX);
    const session = openRaw();
    const beats = await beatsDuring(
      (async () => {
        expect(await callRaw(session, "Session", helloOf(labels))).toBe(RESOURCE_EXHAUSTED);
        const huge = frame(Buffer.alloc(MIB), 64 * MIB);
        const pieces = [huge, ...Array.from({ length: 63 }, () => Buffer.alloc(MIB))];
        // gRPC ends the call, or the connection under it, as soon as it knows the length
        expect([RESOURCE_EXHAUSTED, "closed"]).toContain(await callRaw(session, "Session", pieces));
      })(),
    );
    session.destroy();
    expect(p99(beats)).toBeLessThan(3_000);
    const more = openRaw();
    const few = Buffer.concat(Array.from({ length: LABELS_MAX + 1 }, () => label));
    expect(await callRaw(more, "Session", helloOf(few))).toBe(INVALID_ARGUMENT);
    more.destroy();
    const row = await core.db
      .selectFrom("agents")
      .select("labels")
      .where("id", "=", hostile.agentId)
      .executeTakeFirst();
    expect(row?.labels).toEqual(["linux"]);
  });

  it("thousands of heartbeats a second end its session with RESOURCE_EXHAUSTED, and nobody else waits", async () => {
    // of its own: the budget of one that flooded before is spent
    const flooder = await core.addAgent();
    await flooder.connect();
    const { session } = flooder;
    const beats = await beatsDuring(
      (async () => {
        for (let heartbeatNo = 1; heartbeatNo <= 5_000 && !flooder.isSessionOver; heartbeatNo++) {
          session?.send({ kind: "heartbeat", heartbeatNo, held: [], freeSlots: 1 });
          if (heartbeatNo % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        await waitFor("the end of its session", () => flooder.isSessionOver);
      })(),
    );
    expect(flooder.sessionError).toMatchObject({ code: "too_many" });
    // a second on a machine that does nothing else
    expect(p99(beats)).toBeLessThan(3_000);
  });

  it("opening sessions without an end is throttled, and the agent is let in again when it goes slower", async () => {
    let refusedCount = 0;
    for (let time = 0; time < 80; time++) {
      await hostile.connect().catch((error: unknown) => {
        expect(error).toMatchObject({ code: "too_many" });
        refusedCount++;
      });
    }
    expect(refusedCount).toBeGreaterThan(0);
    await waitFor("a session", () => hostile.connect().catch(() => undefined));
    expect(unhandled).toEqual([]);
  });
});
