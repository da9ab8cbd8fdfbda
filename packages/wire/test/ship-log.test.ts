import { afterEach, expect, test } from "vitest";
import type { AgentApi, AgentApiClient, LogCall } from "../src/agent-api.ts";
import type { LogAck, LogMessage } from "../src/agent-messages.ts";
import { createAgentApiClient } from "../src/grpc/create-agent-api-client.ts";
import type { AgentServer } from "../src/grpc/start-agent-server.ts";
import { LOG_CHUNK_BYTES_MAX } from "../src/limits.ts";
import { LogGap } from "../src/log-gap.ts";
import { LEASE, nextOf, startTestServer, TLS, until } from "./wire-kit.ts";

const open: { server: AgentServer; client: AgentApiClient }[] = [];

async function connect(api: Partial<AgentApi>) {
  const server = await startTestServer(api, { stopGraceMs: 200 });
  const client = createAgentApiClient({ address: `127.0.0.1:${server.port}`, tls: TLS });
  open.push({ server, client });
  return { server, client };
}

afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.close();
    await server.stop();
  }
});

const chunkAt = (offset: number, data: Uint8Array, end = false): LogMessage => ({
  ...{ kind: "chunk", stream: "0", offset, data, times: [{ offset, atMs: 1 }], end },
});

const ackEverything: AgentApi["shipLog"] = async (_caller, messages, send) => {
  for await (const message of messages) {
    if (message.kind === "chunk") await send({ stream: message.stream, offset: message.offset + message.data.length });
  }
};

async function collect(call: LogCall): Promise<LogAck[]> {
  const acks: LogAck[] = [];
  for await (const ack of call.acks) acks.push(ack);
  return acks;
}

test("every byte value arrives and the last ack names the length", async () => {
  const parts: Uint8Array[] = [];
  const { client } = await connect({
    shipLog: (caller, messages, send, signal) => ackEverything(caller, keep(messages, parts), send, signal),
  });
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
  const call = client.openLog();
  await call.send({ kind: "open", lease: LEASE });
  await call.send(chunkAt(0, bytes));
  await call.send(chunkAt(256, Buffer.alloc(0), true));
  call.end();
  expect((await collect(call)).at(-1)).toEqual({ stream: "0", offset: 256 });
  expect(Buffer.concat(parts)).toEqual(bytes);
});

test("64 MB arrive in order, with acks flowing the other way", async () => {
  const { client } = await connect({ shipLog: ackEverything });
  const data = Buffer.alloc(LOG_CHUNK_BYTES_MAX, "x");
  const call = client.openLog();
  const acks = collect(call);
  await call.send({ kind: "open", lease: LEASE });
  const total = 256 * data.length;
  for (let offset = 0; offset < total; offset += data.length) await call.send(chunkAt(offset, data));
  call.end();
  expect((await acks).map((ack) => ack.offset)).toEqual(
    Array.from({ length: 256 }, (_, index) => (index + 1) * data.length),
  );
});

test("a controller that stops reading stops the sender after a bounded number of bytes, and nothing is lost", async () => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let receivedBytes = 0;
  const { client } = await connect({
    shipLog: async (_caller, messages) => {
      for await (const message of messages) {
        if (message.kind === "open") await released;
        else receivedBytes += message.data.length;
      }
    },
  });
  const data = Buffer.alloc(LOG_CHUNK_BYTES_MAX, "x");
  const call = client.openLog();
  const ended = collect(call);
  let sentCount = 0;
  const sending = (async () => {
    await call.send({ kind: "open", lease: LEASE });
    for (; sentCount < 400; sentCount++) await call.send(chunkAt(sentCount * data.length, data));
    call.end();
  })();
  let before = -1;
  let quietCount = 0;
  await until("the sender stands still", () => {
    quietCount = sentCount === before && sentCount > 0 ? quietCount + 1 : 0;
    before = sentCount;
    return quietCount > 20;
  });
  // Node's stream buffers at both ends, 16 messages each, and the connection's window.
  expect(sentCount).toBeLessThan(64);
  release();
  await sending;
  await ended;
  expect(receivedBytes).toBe(400 * data.length);
});

test("a stalled log does not delay a unary call or a session", async () => {
  const { client } = await connect({
    shipLog: () => new Promise(() => undefined),
    reportSteps: async () => ({ cancelRequested: true }),
    session: async (_caller, messages, send) => {
      for await (const message of messages) {
        if (message.kind !== "heartbeat") continue;
        send({
          kind: "heartbeatReply",
          heartbeatNo: message.heartbeatNo,
          renewedAttemptIds: [],
          revokedAttemptIds: [],
        });
      }
    },
  });
  const logs = Array.from({ length: 4 }, () => client.openLog());
  const data = Buffer.alloc(LOG_CHUNK_BYTES_MAX, "x");
  const stalled = logs.map(async (call) => {
    for (let offset = 0; ; offset += data.length) await call.send(chunkAt(offset, data));
  });
  const failures = stalled.map((promise) => promise.catch((error: unknown) => error));

  const session = client.session();
  for (let heartbeatNo = 1; heartbeatNo <= 20; heartbeatNo++) {
    session.send({ kind: "heartbeat", heartbeatNo, held: [], freeSlots: 0 });
    expect(await nextOf(session.messages)).toMatchObject({ heartbeatNo });
    await expect(client.reportSteps({ lease: LEASE, steps: [] }, { deadlineMs: 2_000 })).resolves.toBeDefined();
  }
  for (const call of logs) call.close();
  for (const failure of failures) expect(await failure).toMatchObject({ code: "cancelled" });
});

test("a gap reaches the sender with the stream and the offset to go on from", async () => {
  const { client } = await connect({
    shipLog: async (_caller, messages) => {
      for await (const message of messages) if (message.kind === "chunk") throw new LogGap(message.stream, 100);
    },
  });
  const call = client.openLog();
  await call.send(chunkAt(500, Buffer.from("late")));
  const error = await nextOf(call.acks).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LogGap);
  expect(error).toMatchObject({ stream: "0", expectedOffset: 100 });
  await expect(call.send(chunkAt(504, Buffer.from("x")))).rejects.toBeInstanceOf(LogGap);
});

test("a chunk above the limit is refused", async () => {
  const { client } = await connect({ shipLog: ackEverything });
  const call = client.openLog();
  await call.send(chunkAt(0, Buffer.alloc(LOG_CHUNK_BYTES_MAX + 1)));
  await expect(nextOf(call.acks)).rejects.toMatchObject({ code: "invalid", message: /LogMessage.chunk.data/ });
});

test("a sender that waits for room is told when the controller goes", async () => {
  const { client, server } = await connect({ shipLog: () => new Promise(() => undefined) });
  const call = client.openLog();
  const data = Buffer.alloc(LOG_CHUNK_BYTES_MAX, "x");
  const reading = nextOf(call.acks).catch((error: unknown) => error);
  let sentCount = 0;
  const sending = (async () => {
    for (; ; sentCount++) await call.send(chunkAt(sentCount * data.length, data));
  })().catch((error: unknown) => error);
  await until("some chunks are on their way", () => sentCount > 4);
  await server.stop();
  expect(await sending).toMatchObject({ code: "unavailable" });
  expect(await reading).toMatchObject({ code: "unavailable" });
});

async function* keep(messages: AsyncIterable<LogMessage>, parts: Uint8Array[]): AsyncGenerator<LogMessage> {
  for await (const message of messages) {
    if (message.kind === "chunk") parts.push(message.data);
    yield message;
  }
}
