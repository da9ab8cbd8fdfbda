import {
  CONCLUSIONS,
  type FinishReport,
  JOB_STATES,
  OUTCOMES,
  type Receipt,
  STEP_SUMMARY_BYTES_MAX,
  type StepReport,
  type StreamSeal,
} from "@windrow/model";
import type {
  FinishAttemptReply,
  FinishAttemptRequest,
  ReportStepsReply,
  ReportStepsRequest,
  StartAttemptReply,
  StartAttemptRequest,
} from "../agent-messages.ts";
import { EVENT_INLINE_BYTES_MAX } from "../limits.ts";
import { packAnnotation, unpackAnnotations } from "./annotation.ts";
import { unpackStrings } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { packJobPolicy, unpackOptionalPolicy } from "./job-policy.ts";
import { unpackLeaseRef, unpackStream } from "./lease.ts";
import { packPlan, unpackPlan } from "./plan.ts";
import { present } from "./present.ts";
import { createDecoder, createEncoder, type Packed } from "./proto-message.ts";
import { packOptionalRowText, packRowText } from "./row-text.ts";

/** What a report may say of a step: a step that waits is not reported. */
export const REPORTED_STEP_STATES = ["running", "finished"] as const satisfies readonly StepReport["state"][];
export const CONTAINMENTS = [
  "pid-namespace",
  "cgroup",
  "best-effort",
] as const satisfies readonly Receipt["containment"][];

const SHA256_HEX = /^[0-9a-f]{64}$/;

const packStartReply = (reply: StartAttemptReply): Packed => ({
  ...reply,
  plan: packPlan(reply.plan),
  policy: packJobPolicy(reply.policy),
});

function unpackStartReply(fields: Fields): StartAttemptReply {
  const cancelRequested = fields.flag("cancelRequested");
  return {
    plan: unpackPlan(fields.message("plan")),
    masks: fields.bytesList("masks"),
    jobToken: fields.text("jobToken"),
    cancelRequested,
    policy: unpackOptionalPolicy(fields, "policy"),
    ...present("cancelReason", cancelRequested ? fields.text("cancelReason") : undefined),
    ...present("event", fields.optional("event", unpackEvent)),
  };
}

function unpackEvent(this: Fields, name: string): Uint8Array {
  const event = this.bytes(name);
  return event.byteLength <= EVENT_INLINE_BYTES_MAX
    ? event
    : this.fail(name, `is longer than ${EVENT_INLINE_BYTES_MAX} bytes`);
}

const packStepReport = (report: StepReport): Packed => ({
  ...report,
  name: packRowText(report.name),
  signal: packOptionalRowText(report.signal),
  fault: packOptionalRowText(report.fault),
  annotations: report.annotations?.map(packAnnotation),
  summary: packOptionalRowText(report.summary),
});

function unpackStepReport(fields: Fields): StepReport {
  const state = fields.word("state", REPORTED_STEP_STATES);
  const annotations = unpackAnnotations(fields, "annotations");
  if (state === "finished" && !fields.has("outcome")) fields.fail("outcome", "is missing from a finished step");
  return {
    stepNo: fields.integer("stepNo"),
    name: fields.rowText("name"),
    state,
    ...present(
      "outcome",
      fields.optional("outcome", () => fields.word("outcome", OUTCOMES)),
    ),
    ...present(
      "conclusion",
      fields.optional("conclusion", () => fields.word("conclusion", CONCLUSIONS)),
    ),
    ...present(
      "exitCode",
      fields.optional("exitCode", () => fields.integer("exitCode", Number.MIN_SAFE_INTEGER)),
    ),
    ...present("signal", fields.optional("signal", fields.rowText)),
    ...present("fault", fields.optional("fault", fields.rowText)),
    startedAtMs: fields.integer("startedAtMs"),
    ...present(
      "finishedAtMs",
      fields.optional("finishedAtMs", () => fields.integer("finishedAtMs")),
    ),
    ...present("annotations", annotations.length === 0 ? undefined : annotations),
    ...present("summary", fields.optional("summary", unpackSummary)),
  };
}

/** Counted in characters, of which there are never more than bytes: a replaced U+0000 may have made it longer. */
function unpackSummary(this: Fields, name: string): string {
  const summary = this.rowText(name);
  return summary.length <= STEP_SUMMARY_BYTES_MAX
    ? summary
    : this.fail(name, `is longer than ${STEP_SUMMARY_BYTES_MAX}`);
}

const packFinish = ({ lease, report, steps }: FinishAttemptRequest): Packed => ({
  ...report,
  lease,
  reason: packRowText(report.reason),
  message: packOptionalRowText(report.message),
  outputs: Object.entries(report.outputs).map(([name, value]) => ({
    name: packRowText(name),
    value: packRowText(value),
  })),
  seals: report.seals.map(({ truncation, ...seal }) => ({ ...seal, ...truncation })),
  steps: steps.map(packStepReport),
});

function unpackFinish(fields: Fields): FinishAttemptRequest {
  const report: FinishReport = {
    outcome: fields.word("outcome", OUTCOMES),
    reason: fields.rowText("reason"),
    ...present("message", fields.optional("message", fields.rowText)),
    outputs: unpackStrings(fields, "outputs"),
    seals: fields.messages("seals", unpackSeal),
    receipt: unpackReceipt(fields.message("receipt")),
    startedAtMs: fields.integer("startedAtMs"),
    finishedAtMs: fields.integer("finishedAtMs"),
  };
  if (Object.entries(report.outputs).some((entry) => entry.join("").includes("\0"))) {
    fields.fail("outputs", "hold U+0000");
  }
  return { lease: unpackLeaseRef(fields.message("lease")), report, steps: fields.messages("steps", unpackStepReport) };
}

const unpackSeal = (fields: Fields): StreamSeal => {
  const sha256 = fields.text("sha256");
  if (!SHA256_HEX.test(sha256)) fields.fail("sha256", "is not 64 hex digits");
  const lengthBytes = fields.integer("lengthBytes");
  const truncatedAt = fields.optional("truncatedAt", fields.integer);
  const producedBytes = fields.optional("producedBytes", fields.integer);
  if ((truncatedAt === undefined) !== (producedBytes === undefined)) fields.fail("truncatedAt", "stands alone");
  if ((truncatedAt ?? 0) > lengthBytes) fields.fail("truncatedAt", "lies beyond the stream's end");
  const isTruncated = truncatedAt !== undefined && producedBytes !== undefined;
  return {
    ...{ stream: unpackStream(fields), lengthBytes, sha256 },
    ...(isTruncated && { truncation: { truncatedAt, producedBytes } }),
  };
};

const unpackReceipt = (fields: Fields): Receipt => ({
  processesEndedCount: fields.integer("processesEndedCount"),
  leftCount: fields.integer("leftCount"),
  tookMs: fields.integer("tookMs"),
  containment: fields.word("containment", CONTAINMENTS),
});

function packFinishReply(reply: FinishAttemptReply): Packed {
  switch (reply.kind) {
    case "accepted":
      return { accepted: { jobState: reply.jobState } };
    case "needLog":
      return { needLog: { stream: reply.stream, offset: reply.offset } };
  }
}

function unpackFinishReply(fields: Fields): FinishAttemptReply {
  const kind = fields.kind(["accepted", "needLog"]);
  const body = fields.message(kind);
  switch (kind) {
    case "accepted":
      return { kind, jobState: body.word("jobState", JOB_STATES) };
    case "needLog":
      return { kind, stream: unpackStream(body), offset: body.integer("offset") };
  }
}

export const encodeStartAttemptRequest = createEncoder<StartAttemptRequest>("StartAttemptRequest", (request) => ({
  lease: request.lease,
}));
export const decodeStartAttemptRequest = createDecoder<StartAttemptRequest>("StartAttemptRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
}));
export const encodeStartAttemptReply = createEncoder("StartAttemptReply", packStartReply);
export const decodeStartAttemptReply = createDecoder("StartAttemptReply", unpackStartReply);

export const encodeReportStepsRequest = createEncoder<ReportStepsRequest>("ReportStepsRequest", (request) => ({
  lease: request.lease,
  steps: request.steps.map(packStepReport),
}));
export const decodeReportStepsRequest = createDecoder<ReportStepsRequest>("ReportStepsRequest", (fields) => ({
  lease: unpackLeaseRef(fields.message("lease")),
  steps: fields.messages("steps", unpackStepReport),
}));
export const encodeReportStepsReply = createEncoder<ReportStepsReply>("ReportStepsReply", (reply) => ({ ...reply }));
export const decodeReportStepsReply = createDecoder<ReportStepsReply>("ReportStepsReply", (fields) => ({
  cancelRequested: fields.flag("cancelRequested"),
}));

export const encodeFinishAttemptRequest = createEncoder("FinishAttemptRequest", packFinish);
export const decodeFinishAttemptRequest = createDecoder("FinishAttemptRequest", unpackFinish);
export const encodeFinishAttemptReply = createEncoder("FinishAttemptReply", packFinishReply);
export const decodeFinishAttemptReply = createDecoder("FinishAttemptReply", unpackFinishReply);
