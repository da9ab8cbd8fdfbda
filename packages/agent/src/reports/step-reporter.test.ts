import { asAttemptId, asLeaseId, type StepReport } from "@windrow/model";
import { systemClock } from "@windrow/service";
import { type AgentApiClient, createAgentApiClient } from "@windrow/wire";
import { afterEach, describe, expect, it } from "vitest";
import { IDENTITY } from "../../test/fake-controller.ts";
import type { Connection } from "../session/connection.ts";
import { createStepReporter, REST_CHARS_MAX } from "./step-reporter.ts";

const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const clients: AgentApiClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** A reporter whose calls are kept instead of sent; `isDue: false` has no batch ever come due by itself. */
function open(options: { readonly isDue: boolean; readonly answer?: Promise<void> }) {
  const calls: StepReport[][] = [];
  const client: AgentApiClient = {
    ...createClient(),
    async reportSteps({ steps }) {
      calls.push([...steps]);
      await options.answer;
      return { cancelRequested: false };
    },
  };
  const session = { client, sessionNo: 1, over: new AbortController().signal };
  const connection: Connection = {
    current: () => session,
    ready: async () => session,
    call: (work) => work(session),
    open: () => undefined,
    closed: () => undefined,
  };
  const fail = (error: unknown) => {
    throw error;
  };
  const reporter = createStepReporter({
    connection,
    lease: { attemptId: asAttemptId(ID), leaseId: asLeaseId(ID) },
    clock: {
      ...systemClock,
      sleep: (ms, signal) => (options.isDue ? Promise.resolve() : systemClock.sleep(ms + 60_000, signal)),
    },
    signal: new AbortController().signal,
    onCancelRequested: () => undefined,
    onRefused: fail,
    onBroken: fail,
  });
  return { reporter, calls };
}

function createClient(): AgentApiClient {
  const client = createAgentApiClient({ address: "127.0.0.1:9", tls: IDENTITY });
  clients.push(client);
  return client;
}

const running = (stepNo: number): StepReport => ({ stepNo, name: "s", state: "running", startedAtMs: 1 });
const ended = (stepNo: number, summary = ""): StepReport => ({
  ...running(stepNo),
  state: "finished",
  outcome: "succeeded",
  finishedAtMs: 2,
  summary,
});

describe("the rest of an attempt's reports", () => {
  it("is the latest of each step, and is not sent", async () => {
    const { reporter, calls } = open({ isDue: false });
    for (const step of [running(0), ended(0), running(1)]) reporter.report(step);
    expect(await reporter.takeRest()).toEqual([ended(0), running(1)]);
    expect(calls).toEqual([]);
  });

  it("comes when the batch that is under way was taken", async () => {
    const answer = Promise.withResolvers<void>();
    const { reporter, calls } = open({ isDue: true, answer: answer.promise });
    reporter.report(running(0));
    await expect.poll(() => calls).toEqual([[running(0)]]);
    reporter.report(ended(0));
    let isTaken = false;
    const rest = reporter.takeRest().finally(() => {
      isTaken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isTaken).toBe(false);
    answer.resolve();
    expect(await rest).toEqual([ended(0)]);
    expect(calls).toHaveLength(1);
  });

  it("that is too much for the message of the end is sent before", async () => {
    const { reporter, calls } = open({ isDue: false });
    const [long, shorter] = [ended(0, "x".repeat(1_000_000)), ended(1, "x".repeat(REST_CHARS_MAX / 2))];
    for (const step of [long, shorter, ended(2)]) reporter.report(step);
    expect(await reporter.takeRest()).toEqual([shorter, ended(2)]);
    expect(calls).toEqual([[long]]);
  });

  it("is nothing when nothing waits", async () => {
    expect(await open({ isDue: false }).reporter.takeRest()).toEqual([]);
  });
});
