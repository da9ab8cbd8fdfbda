import { X509Certificate } from "node:crypto";
import { makeTestAuthority, makeTestIdentity } from "@windrow/certificates/testing";
import { asAgentId, asAttemptId, asLeaseId, type LeaseRef, type Plan, Refusal } from "@windrow/model";
import type { AgentApi, AgentCaller } from "../src/agent-api.ts";
import { type AgentServer, type AgentServerOptions, startAgentServer } from "../src/grpc/start-agent-server.ts";
import type { WireLogger } from "../src/wire-logger.ts";

/** Parts that the tests of the gRPC binding share. */

export const CALLER: AgentCaller = { agentId: asAgentId("7f3e4a52-6f5f-4d1f-9b1b-0a6f4a1c2d3e") };
const { authority, server } = await makeTestAuthority();
/** Of the authority of every test server. */
export const AUTHORITY = authority;
/** What the caller shows. */
export const TLS = await makeTestIdentity(authority, CALLER.agentId);
const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
export const LEASE: LeaseRef = { attemptId: asAttemptId(ID), leaseId: asLeaseId(ID), sessionNo: 1 };

export const PLAN: Plan = {
  jobKey: "build",
  jobName: "build",
  repository: "me/app",
  sha: "0".repeat(40),
  ref: "refs/heads/main",
  runId: 1,
  runNumber: 1,
  runAttempt: 1,
  workflowName: "ci",
  workflowPath: ".windrow/workflows/ci.yml",
  eventName: "push",
  actor: "me",
  trust: "trusted",
  defaultBranch: "main",
  publicUrl: "http://127.0.0.1:7070",
  triggeringActor: "me",
  headRef: "",
  baseRef: "",
  eventDigest: "0".repeat(64),
  source: { repository: "me/app", path: ".windrow/workflows/ci.yml", ref: "refs/heads/main", sha: "0".repeat(40) },
  inputs: {},
  vars: {},
  permissions: { contents: "read" },
  matrix: {},
  strategy: { failFast: true, jobIndex: 0, jobTotal: 1, maxParallel: 1 },
  needs: [],
  env: [],
  defaults: {},
  timeoutMs: 1_000,
  outputs: [],
  steps: [],
  services: [],
  exclusive: false,
  cancelGrace: { interruptMs: 7_500, terminateMs: 2_500 },
};

/** Every method answers with a refusal unless the test gives one. */
export function scriptedApi(methods: Partial<AgentApi>): AgentApi {
  const refuse = () => Promise.reject(new Refusal("not_allowed", "not in this test"));
  return {
    session: refuse,
    startAttempt: refuse,
    reportSteps: refuse,
    shipLog: refuse,
    finishAttempt: refuse,
    fetchDocument: refuse,
    resolveAction: refuse,
    pinImage: refuse,
    fetchAction: refuse,
    ...methods,
  };
}

export interface LoggedError {
  readonly fields: object;
  readonly message: string;
}

export function collectingLogger(errors: LoggedError[] = []): WireLogger {
  const ignore = () => undefined;
  return { debug: ignore, warn: ignore, error: (fields, message) => void errors.push({ fields, message }) };
}

export function startTestServer(api: Partial<AgentApi>, more: Partial<AgentServerOptions> = {}): Promise<AgentServer> {
  return startAgentServer({
    listen: "127.0.0.1:0",
    api: scriptedApi(api),
    authenticate: async ({ raw }) => {
      if (!raw.equals(new X509Certificate(TLS.cert).raw)) throw new Refusal("unauthenticated", "no such agent");
      return CALLER;
    },
    tls: server,
    logger: collectingLogger(),
    ...more,
  });
}

/** Waits until `isTrue`, looking often; fails after `withinMs`. */
export async function until(what: string, isTrue: () => boolean, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads one message, or fails when the stream ended. */
export async function nextOf<T>(messages: AsyncIterable<T>): Promise<T> {
  const step = await messages[Symbol.asyncIterator]().next();
  if (step.done) throw new Error("the stream ended");
  return step.value;
}
