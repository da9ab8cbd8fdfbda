import { ANNOTATIONS_PER_LEVEL_MAX, STEP_SUMMARY_BYTES_MAX } from "@windrow/model";
import { describe, expect, test } from "vitest";
import {
  decodeFinishAttemptRequest,
  decodeReportStepsRequest,
  decodeStartAttemptReply,
} from "../src/codec/attempt-messages.ts";
import {
  decodeFetchActionRequest,
  decodeFetchDocumentRequest,
  decodeResolveActionRequest,
} from "../src/codec/fetch-messages.ts";
import { decodeLogMessage } from "../src/codec/log-messages.ts";
import { createEncoder, type Packed } from "../src/codec/proto-message.ts";
import { decodeAgentMessage, decodeOffer } from "../src/codec/session-messages.ts";
import { VALUE_DEPTH_MAX } from "../src/codec/value.ts";
import {
  ACTION_REF_CHARS_MAX,
  LABELS_MAX,
  LEASES_HELD_MAX,
  LOG_CHUNK_BYTES_MAX,
  TOOLCHAINS_MAX,
} from "../src/limits.ts";

const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const held = { attemptId: ID, leaseId: ID };
const lease = { ...held, sessionNo: 1 };
const hello = { protocolVersion: 1, instanceId: ID, agentVersion: "1", slots: 1, labels: [], held: [], hostname: "h" };
const tool = { name: "go", version: "1.22.0" };
const step = { stepNo: 0, name: "s", state: "finished", outcome: "succeeded", startedAtMs: 1 };
const receipt = { processesEndedCount: 0, leftCount: 0, tookMs: 0, containment: "cgroup" };
const finish = { lease, outcome: "failed", reason: "r", receipt, startedAtMs: 1, finishedAtMs: 2 };
const chunk = { stream: "0", offset: 0, data: Buffer.from("x"), end: false };

type Case = [field: string, message: string, decode: (bytes: Uint8Array) => unknown, sent: Packed];

/** Sends fields that no encoder of ours would, and says what the decoder answers. */
const cases: Case[] = [
  ["AgentMessage.kind", "AgentMessage", decodeAgentMessage, {}],
  [
    "AgentMessage.hello.protocolVersion",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, protocolVersion: 0 } },
  ],
  ["AgentMessage.hello.instanceId", "AgentMessage", decodeAgentMessage, { hello: { ...hello, instanceId: "" } }],
  ["AgentMessage.hello.instanceId", "AgentMessage", decodeAgentMessage, { hello: { ...hello, instanceId: "me" } }],
  ["AgentMessage.hello.hostname", "AgentMessage", decodeAgentMessage, { hello: { ...hello, hostname: "a\0b" } }],
  ["AgentMessage.hello.labels", "AgentMessage", decodeAgentMessage, { hello: { ...hello, labels: ["x".repeat(101)] } }],
  [
    "AgentMessage.hello.labels",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, labels: Array(LABELS_MAX + 1).fill("x") } },
  ],
  [
    "AgentMessage.hello.toolchains",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, toolchains: Array(TOOLCHAINS_MAX + 1).fill(tool) } },
  ],
  [
    "AgentMessage.hello.toolchains[1].version",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, toolchains: [tool, { ...tool, version: "" }] } },
  ],
  [
    "AgentMessage.hello.toolchains[0].name",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, toolchains: [{ ...tool, name: "x".repeat(101) }] } },
  ],
  [
    "AgentMessage.hello.held[1].leaseId",
    "AgentMessage",
    decodeAgentMessage,
    { hello: { ...hello, held: [held, { attemptId: ID }] } },
  ],
  [
    "AgentMessage.heartbeat.held",
    "AgentMessage",
    decodeAgentMessage,
    { heartbeat: { heartbeatNo: 1, held: Array(LEASES_HELD_MAX + 1).fill(held) } },
  ],
  ["AgentMessage.heartbeat.heartbeatNo", "AgentMessage", decodeAgentMessage, { heartbeat: {} }],
  [
    "AgentMessage.offerAnswer.declineReason",
    "AgentMessage",
    decodeAgentMessage,
    { offerAnswer: { ...held, accepted: false, declineReason: "lazy" } },
  ],
  ["Offer.jobId", "Offer", decodeOffer, { ...held, fence: "1", jobId: "9007199254740992", attemptNo: 1 }],
  ["ReportStepsRequest.lease", "ReportStepsRequest", decodeReportStepsRequest, { steps: [] }],
  [
    "ReportStepsRequest.lease.sessionNo",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease: { ...lease, sessionNo: 0 } },
  ],
  [
    "ReportStepsRequest.steps[0].state",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease, steps: [{ ...step, state: "pending" }] },
  ],
  [
    "ReportStepsRequest.steps[0].outcome",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease, steps: [{ ...step, outcome: undefined }] },
  ],
  [
    "ReportStepsRequest.steps[0].conclusion",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease, steps: [{ ...step, conclusion: "succeeded" }] },
  ],
  [
    "ReportStepsRequest.steps[0].annotations",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    {
      lease,
      steps: [{ ...step, annotations: Array(ANNOTATIONS_PER_LEVEL_MAX + 1).fill({ level: "error", message: "m" }) }],
    },
  ],
  [
    "ReportStepsRequest.steps[0].annotations[0].level",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease, steps: [{ ...step, annotations: [{ level: "fatal", message: "m" }] }] },
  ],
  [
    "ReportStepsRequest.steps[0].summary",
    "ReportStepsRequest",
    decodeReportStepsRequest,
    { lease, steps: [{ ...step, summary: "x".repeat(STEP_SUMMARY_BYTES_MAX + 1) }] },
  ],
  ...["../etc", "a", "a/..", "a/b/c", "a b/c"].map(
    (repository): Case => [
      "ResolveActionRequest.repository",
      "ResolveActionRequest",
      decodeResolveActionRequest,
      { lease, repository, ref: "v1" },
    ],
  ),
  [
    "ResolveActionRequest.ref",
    "ResolveActionRequest",
    decodeResolveActionRequest,
    { lease, repository: "a/b", ref: "x".repeat(ACTION_REF_CHARS_MAX + 1) },
  ],
  [
    "FetchActionRequest.sha",
    "FetchActionRequest",
    decodeFetchActionRequest,
    { lease, repository: "a/b", sha: "HEAD", offset: 0 },
  ],
  [
    "FetchDocumentRequest.digest",
    "FetchDocumentRequest",
    decodeFetchDocumentRequest,
    { lease, digest: "x", offset: 0 },
  ],
  [
    "FinishAttemptRequest.outcome",
    "FinishAttemptRequest",
    decodeFinishAttemptRequest,
    { ...finish, outcome: "success" },
  ],
  [
    "FinishAttemptRequest.receipt",
    "FinishAttemptRequest",
    decodeFinishAttemptRequest,
    { ...finish, receipt: undefined },
  ],
  [
    "FinishAttemptRequest.seals[0].sha256",
    "FinishAttemptRequest",
    decodeFinishAttemptRequest,
    { ...finish, seals: [{ stream: "0", lengthBytes: 1, sha256: "AB" }] },
  ],
  [
    "FinishAttemptRequest.outputs",
    "FinishAttemptRequest",
    decodeFinishAttemptRequest,
    { ...finish, outputs: [{ name: "a", value: "\0" }] },
  ],
  [
    "FinishAttemptRequest.steps[0].state",
    "FinishAttemptRequest",
    decodeFinishAttemptRequest,
    { ...finish, steps: [{ ...step, state: "pending" }] },
  ],
  ["LogMessage.chunk.stream", "LogMessage", decodeLogMessage, { chunk: { ...chunk, stream: "01" } }],
  [
    "LogMessage.chunk.data",
    "LogMessage",
    decodeLogMessage,
    { chunk: { ...chunk, data: Buffer.alloc(LOG_CHUNK_BYTES_MAX + 1) } },
  ],
  [
    "LogMessage.chunk.times[1].offset",
    "LogMessage",
    decodeLogMessage,
    { chunk: { ...chunk, times: [{ offset: 5 }, { offset: 4 }] } },
  ],
];

describe("a decoder names the field that is missing or wrong", () => {
  test.each(cases)("%s", (field, message, decode, sent) => {
    const bytes = createEncoder<Packed>(message, (fields) => fields)(sent);
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ name: "DecodeError", field }));
  });
});

test("cut-off bytes are refused", () => {
  const bytes = createEncoder<Packed>("AgentMessage", (fields) => fields)({ hello });
  expect(() => decodeAgentMessage(bytes.subarray(0, bytes.length - 1))).toThrow(/is not a message of this type/);
});

test("a value that nests without end is refused", () => {
  let value: Packed = { nullValue: true };
  for (let depth = 0; depth <= VALUE_DEPTH_MAX; depth++) value = { listValue: { items: [value] } };
  const plan = {
    ...{ jobKey: "a", repository: "o/n", sha: "1", ref: "r", eventName: "push", trust: "trusted" },
    source: { repository: "o/n", path: "p", ref: "r", sha: "1" },
    inputs: { entries: [{ name: "x", value }] },
  };
  const bytes = createEncoder<Packed>("StartAttemptReply", (fields) => fields)({ plan });
  expect(() => decodeStartAttemptReply(bytes)).toThrow(/nests deeper/);
});
