import { makeTestAuthority, makeTestIdentity } from "@windrow/certificates/testing";
import { asInstanceId, JOB_POLICY_DEFAULT, Refusal } from "@windrow/model";
import { afterEach, describe, expect, test } from "vitest";
import type { AgentApi, AgentApiClient } from "../src/agent-api.ts";
import type { AgentMessage } from "../src/agent-messages.ts";
import { createAgentApiClient } from "../src/grpc/create-agent-api-client.ts";
import type { AgentServer, AgentServerOptions } from "../src/grpc/start-agent-server.ts";
import { FETCH_BYTES_MAX, SESSION_UNSENT_MESSAGES_MAX } from "../src/limits.ts";
import {
  AUTHORITY,
  CALLER,
  collectingLogger,
  LEASE,
  type LoggedError,
  nextOf,
  PLAN,
  startTestServer,
  TLS,
  until,
} from "./wire-kit.ts";

const open: { server: AgentServer; client: AgentApiClient }[] = [];

async function connect(api: Partial<AgentApi>, more: Partial<AgentServerOptions> = {}, tls = TLS) {
  const server = await startTestServer(api, { stopGraceMs: 200, ...more });
  const client = createAgentApiClient({ address: `127.0.0.1:${server.port}`, tls });
  open.push({ server, client });
  return { server, client };
}

afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.close();
    await server.stop();
  }
});

const HELLO: AgentMessage = {
  kind: "hello",
  protocolVersion: 1,
  instanceId: asInstanceId("5a1f9a0e-8a2b-4b57-8a1b-3b1f6a9d1c11"),
  agentVersion: "0.1.0",
  slots: 2,
  labels: ["linux"],
  held: [],
  hostname: "here",
};
const reportOf = (stepCount: number) => ({
  lease: LEASE,
  steps: Array.from({ length: stepCount }, (_, stepNo) => ({
    stepNo,
    name: "x".repeat(1_000),
    state: "running" as const,
    startedAtMs: 1,
  })),
});

describe("unary calls", () => {
  test("carry request and reply, and who calls", async () => {
    const seen: unknown[] = [];
    const { client } = await connect({
      startAttempt: async (caller, request) => {
        seen.push(caller, request);
        return {
          plan: PLAN,
          masks: [Buffer.from([0, 255])],
          jobToken: "wrt_x",
          policy: JOB_POLICY_DEFAULT,
          cancelRequested: false,
        };
      },
    });
    const reply = await client.startAttempt({ lease: LEASE });
    expect(seen).toEqual([CALLER, { lease: LEASE }]);
    expect(reply).toEqual({
      plan: PLAN,
      masks: [Buffer.from([0, 255])],
      jobToken: "wrt_x",
      policy: JOB_POLICY_DEFAULT,
      cancelRequested: false,
    });
  });

  test("a plan of 10 MB arrives whole", async () => {
    const plan = { ...PLAN, env: [["TEXT", "x".repeat(10_000_000)] as const] };
    const { client } = await connect({
      startAttempt: async () => ({
        plan,
        masks: [],
        jobToken: "wrt_x",
        policy: JOB_POLICY_DEFAULT,
        cancelRequested: false,
      }),
    });
    const reply = await client.startAttempt({ lease: LEASE });
    expect(reply.plan.env[0]?.[1]).toHaveLength(10_000_000);
  });

  test("a document comes in pieces, an action is resolved and comes in pieces", async () => {
    const data = Buffer.alloc(FETCH_BYTES_MAX, 7);
    const seen: unknown[] = [];
    const { client } = await connect({
      fetchDocument: async (caller, request) => {
        seen.push(caller, request);
        return { data, totalBytes: 2 * FETCH_BYTES_MAX };
      },
      resolveAction: async (_caller, { ref }) =>
        ref === "v4" ? { kind: "sha", sha: "a".repeat(40) } : { kind: "problem", problem: "there is no such ref" },
      fetchAction: async (_caller, { offset }) => ({ data: Buffer.from([offset]), totalBytes: 4 }),
    });
    const document = { lease: LEASE, digest: "0".repeat(64), offset: FETCH_BYTES_MAX };
    expect(await client.fetchDocument(document)).toEqual({ data, totalBytes: 2 * FETCH_BYTES_MAX });
    expect(seen).toEqual([CALLER, document]);
    const action = { lease: LEASE, repository: "actions/checkout" };
    expect(await client.resolveAction({ ...action, ref: "v4" })).toEqual({ kind: "sha", sha: "a".repeat(40) });
    expect(await client.resolveAction({ ...action, ref: "v5" })).toMatchObject({ kind: "problem" });
    const piece = await client.fetchAction({ ...action, sha: "a".repeat(40), offset: 3 });
    expect(piece).toEqual({ data: Buffer.from([3]), totalBytes: 4 });
  });

  test("a report above the limit is refused as too large and the connection stays usable", async () => {
    const { client } = await connect({ reportSteps: async () => ({ cancelRequested: true }) });
    await expect(client.reportSteps(reportOf(5_000))).rejects.toMatchObject({ code: "too_large" });
    await expect(client.reportSteps(reportOf(1))).resolves.toEqual({ cancelRequested: true });
  });

  test.each([
    "revoked",
    "not_found",
    "not_allowed",
    "unauthenticated",
    "invalid",
    "conflict",
    "too_large",
    "too_many",
    "unsupported_version",
  ] as const)("a refusal keeps its code, message and hint: %s", async (code) => {
    const { client } = await connect({
      finishAttempt: () => Promise.reject(new Refusal(code, "nicht für dich\n%", { hint: "geh heim → jetzt" })),
    });
    const request = finishRequest();
    const error = await client.finishAttempt(request).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ code, message: "nicht für dich\n%", hint: "geh heim → jetzt" });
  });

  test("a bug is logged here and reaches the agent without details", async () => {
    const errors: LoggedError[] = [];
    const { client } = await connect(
      { reportSteps: () => Promise.reject(new Error("password of the database is hunter2")) },
      { logger: collectingLogger(errors) },
    );
    const error = await client.reportSteps(reportOf(0)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "WireFault", code: "internal", retryable: true });
    expect(String(error)).not.toContain("hunter2");
    expect(errors).toHaveLength(1);
  });

  test("a database that is away reaches the agent as unavailable, not as a bug", async () => {
    const errors: LoggedError[] = [];
    const { client } = await connect(
      { reportSteps: () => Promise.reject(Object.assign(new Error("ECONNREFUSED"), { retryable: true })) },
      { logger: collectingLogger(errors) },
    );
    await expect(client.reportSteps(reportOf(0))).rejects.toMatchObject({ code: "unavailable", retryable: true });
    expect(errors).toHaveLength(0);
  });

  test("a message with a wrong field is refused with the field's name", async () => {
    const { client } = await connect({ reportSteps: async () => ({ cancelRequested: false }) });
    const request = { lease: { ...LEASE, sessionNo: 0 }, steps: [] };
    await expect(client.reportSteps(request)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("ReportStepsRequest.lease.sessionNo"),
    });
  });

  test("end at their deadline and at their signal", async () => {
    const { client } = await connect({ reportSteps: () => new Promise(() => undefined) });
    await expect(client.reportSteps(reportOf(0), { deadlineMs: 50 })).rejects.toMatchObject({
      code: "deadline",
      retryable: true,
    });
    const stop = new AbortController();
    const call = client.reportSteps(reportOf(0), { signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled", retryable: false });
  });
});

test("closing the client ends its open calls", async () => {
  const { client } = await connect({
    reportSteps: () => new Promise(() => undefined),
    session: () => new Promise(() => undefined),
    shipLog: () => new Promise(() => undefined),
  });
  const report = client.reportSteps(reportOf(0));
  const session = client.session();
  const log = client.openLog();
  await log.send({ kind: "open", lease: LEASE });
  client.close();
  await expect(report).rejects.toMatchObject({ code: "cancelled" });
  for await (const _message of session.messages) throw new Error("a closed session has no messages");
  for await (const _ack of log.acks) throw new Error("a closed log has no acks");
  await expect(log.send({ kind: "open", lease: LEASE })).rejects.toMatchObject({ code: "cancelled" });
  await expect(client.reportSteps(reportOf(0))).rejects.toMatchObject({ code: "cancelled" });
  expect(() => client.openLog()).toThrow(expect.objectContaining({ code: "cancelled" }));
});

describe("authentication", () => {
  test("a certificate that is not an agent's any more is refused on every call before anything runs", async () => {
    let callCount = 0;
    const { client } = await connect(
      {
        reportSteps: async () => ({ cancelRequested: callCount++ > 0 }),
        session: async () => void callCount++,
        shipLog: async () => void callCount++,
      },
      {},
      await makeTestIdentity(AUTHORITY, CALLER.agentId),
    );
    await expect(client.reportSteps(reportOf(1))).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(nextOf(client.session().messages)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(nextOf(client.openLog().acks)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(callCount).toBe(0);
  });

  test("without a certificate of the farm's authority that holds now, no call arrives", async () => {
    let callCount = 0;
    const authenticate = async () => {
      callCount++;
      return CALLER;
    };
    const stranger = await makeTestAuthority();
    const DAY_MS = 24 * 3_600_000;
    const refused = {
      "of another authority": { ...(await makeTestIdentity(stranger.authority, CALLER.agentId)), ca: TLS.ca },
      expired: await makeTestIdentity(AUTHORITY, CALLER.agentId, { nowMs: Date.now() - 2 * DAY_MS }),
      "not valid yet": await makeTestIdentity(AUTHORITY, CALLER.agentId, { nowMs: Date.now() + 2 * DAY_MS }),
      "a server's": { ...TLS, cert: stranger.server.cert, key: stranger.server.key },
    };
    for (const [name, tls] of Object.entries(refused)) {
      const { client } = await connect(
        { reportSteps: async () => ({ cancelRequested: false }) },
        { authenticate },
        tls,
      );
      await expect(client.reportSteps(reportOf(0)), name).rejects.toMatchObject({ code: "unavailable" });
    }
    expect(callCount).toBe(0);
  });

  test("credentials that cannot be checked now are no refusal", async () => {
    const { client } = await connect(
      {},
      { authenticate: () => Promise.reject(Object.assign(new Error("database away"), { retryable: true })) },
    );
    await expect(client.reportSteps(reportOf(0))).rejects.toMatchObject({ name: "WireFault", code: "unavailable" });
  });
});

describe("a session", () => {
  test("carries messages both ways until the agent closes it", async () => {
    const got: AgentMessage[] = [];
    let endedWith: unknown;
    let isAborted = false;
    const { client } = await connect({
      session: async (_caller, messages, send, signal) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
        });
        try {
          for await (const message of messages) {
            got.push(message);
            send({ kind: "drain", draining: true });
          }
        } catch (error) {
          endedWith = error;
          throw error;
        }
      },
    });
    const session = client.session();
    session.send(HELLO);
    expect(await nextOf(session.messages)).toEqual({ kind: "drain", draining: true });
    expect(got).toEqual([HELLO]);
    session.close();
    session.close();
    session.send(HELLO);
    for await (const _message of session.messages) throw new Error("a closed session has no messages");
    await until("the controller sees it", () => isAborted && endedWith !== undefined);
    expect(endedWith).toMatchObject({ code: "cancelled" });
  });

  test("ended by the controller with a refusal gives first what was sent, then the refusal", async () => {
    const { client } = await connect({
      session: async (_caller, _messages, send) => {
        send({ kind: "drain", draining: true });
        throw new Refusal("conflict", "superseded by a newer instance");
      },
    });
    const session = client.session();
    expect(await nextOf(session.messages)).toEqual({ kind: "drain", draining: true });
    await expect(nextOf(session.messages)).rejects.toMatchObject({ code: "conflict", message: /superseded/ });
  });

  test("of an agent that does not read is ended, and the queue stays bounded", async () => {
    let endReason: unknown;
    let sentCount = 0;
    const { client } = await connect({
      session: async (_caller, _messages, send, signal) => {
        const urls = ["x".repeat(10_000)];
        while (!signal.aborted && sentCount < 100_000) {
          for (let i = 0; i < 100; i++, sentCount++) {
            send({
              ...{ kind: "welcome" as const, protocolVersion: 1, sessionNo: 1, agentId: CALLER.agentId },
              ...{ agentName: "a", pool: "p", heartbeatEveryMs: 1, leaseTtlMs: 1, leaseMarginMs: 0, orphanGraceMs: 0 },
              ...{ natsUrls: urls, revokedAttemptIds: [], draining: false },
              ...{ policy: JOB_POLICY_DEFAULT, farmAddresses: [] },
            });
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        endReason = signal.reason;
      },
    });
    const session = client.session();
    await until("the session is ended", () => endReason !== undefined);
    expect(endReason).toMatchObject({ code: "too_many" });
    expect(sentCount).toBeLessThan(4 * SESSION_UNSENT_MESSAGES_MAX);
    session.close();
  });

  test("a controller that stops ends it as unavailable; the next one is reached again", async () => {
    const hold: AgentApi["session"] = async (_caller, messages, send) => {
      send({ kind: "drain", draining: false });
      for await (const _message of messages) send({ kind: "drain", draining: true });
    };
    const { client, server } = await connect({ session: hold });
    const session = client.session();
    await nextOf(session.messages);
    await server.stop();
    await expect(nextOf(session.messages)).rejects.toMatchObject({ code: "unavailable", retryable: true });
    await expect(client.reportSteps(reportOf(0))).rejects.toMatchObject({ code: "unavailable" });

    const again = await startTestServer({ session: hold }, { listen: `127.0.0.1:${server.port}`, stopGraceMs: 200 });
    open.push({ server: again, client });
    let first: unknown;
    const deadline = performance.now() + 10_000;
    while (first === undefined && performance.now() < deadline) {
      const next = client.session();
      first = await nextOf(next.messages).catch(() => undefined);
      if (first === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(first).toEqual({ kind: "drain", draining: false });
  });

  test("a stopping server waits no longer than its grace for a call that hangs", async () => {
    const { client, server } = await connect({ session: () => new Promise(() => undefined) }, { stopGraceMs: 100 });
    const session = client.session();
    session.send(HELLO);
    const ended = nextOf(session.messages).catch((error: unknown) => error);
    await expect(client.reportSteps(reportOf(0))).rejects.toMatchObject({ code: "not_allowed" });
    await server.stop();
    expect(await ended).toMatchObject({ code: "unavailable" });
  });
});

function finishRequest() {
  return {
    lease: LEASE,
    report: {
      outcome: "succeeded" as const,
      reason: "",
      outputs: {},
      seals: [],
      receipt: { processesEndedCount: 0, leftCount: 0, tookMs: 1, containment: "cgroup" as const },
      startedAtMs: 1,
      finishedAtMs: 2,
    },
    steps: [],
  };
}
