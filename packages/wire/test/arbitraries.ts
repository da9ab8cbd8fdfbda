import {
  ANNOTATION_LEVELS,
  type Annotation,
  asAgentId,
  asAttemptId,
  asInstanceId,
  asJobId,
  asLeaseId,
  asRunId,
  CONCLUSIONS,
  CONFINEMENTS,
  HOST_NAMESPACES,
  JOB_STATES,
  type JobPolicy,
  type LeaseRef,
  OUTCOMES,
  type Plan,
  type StepDefinition,
  type StepReport,
  type StreamName,
  type TemplateMap,
  TRUSTS,
  type Value,
} from "@windrow/model";
import fc from "fast-check";
import { CONTAINMENTS, REPORTED_STEP_STATES } from "../src/codec/attempt-messages.ts";
import {
  type AgentHint,
  type AgentMessage,
  type ControllerMessage,
  DECLINE_REASONS,
  type FetchActionRequest,
  type FetchDocumentRequest,
  type FetchReply,
  type FinishAttemptReply,
  type FinishAttemptRequest,
  KICK_REASONS,
  type LogMessage,
  type LogTailBytes,
  type LogTailWanted,
  type OfferAnswer,
  type PinImageReply,
  type PinImageRequest,
  type ReportStepsRequest,
  type ResolveActionReply,
  type ResolveActionRequest,
  type StartAttemptReply,
} from "../src/index.ts";
import { TOOLCHAINS_MAX } from "../src/limits.ts";

/** As `fc.record`, but of ordinary objects, which is what a decoder makes. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T>;
function record<T, K extends keyof T>(
  model: { [L in keyof T]: fc.Arbitrary<T[L]> },
  constraints: { requiredKeys: K[] },
): fc.Arbitrary<fc.RecordValue<T, K>>;
function record<T, K extends keyof T>(
  model: { [L in keyof T]: fc.Arbitrary<T[L]> },
  constraints: { requiredKeys?: K[] } = {},
): fc.Arbitrary<fc.RecordValue<T, K>> {
  return fc.record(model, { ...constraints, noNullPrototype: true });
}

/** Any value a message can carry, made by fast-check; shared by the round-trip tests. */

// Half a surrogate pair has no UTF-8, and U+0000 is replaced in text bound for a row.
export const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => value.isWellFormed());
export const rowText = text.map((value) => value.replaceAll("\0", "0"));
const word = text.filter((value) => value !== "");
export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
export const uint53 = fc.oneof(fc.constantFrom(0, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const positive53 = uint53.map((value) => Math.max(1, value));
const positive32 = fc.integer({ min: 1, max: 0xffff_ffff });
export const uint64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));

const attemptId = fc.uuid().map(asAttemptId);
const leaseId = fc.uuid().map(asLeaseId);
const agentId = fc.uuid().map(asAgentId);
const jobId = positive53.map(asJobId);
export const stream = fc.oneof(
  fc.constant<StreamName>("system"),
  fc.nat({ max: 999_999 }).map((no): StreamName => `${no}`),
);
const held = record({ attemptId, leaseId });
const lease: fc.Arbitrary<LeaseRef> = record({ attemptId, leaseId, sessionNo: positive53 });

const filledText = rowText.filter((value) => value !== "");
const hello = record(
  {
    protocolVersion: positive32,
    instanceId: fc.uuid().map(asInstanceId),
    agentVersion: rowText,
    slots: uint32,
    labels: fc.array(filledText),
    held: fc.array(held),
    hostname: rowText,
    toolchains: fc.array(record({ name: filledText, version: filledText }), {
      minLength: 1,
      maxLength: TOOLCHAINS_MAX,
    }),
    isUpgradable: fc.constant(true),
  },
  { requiredKeys: ["protocolVersion", "instanceId", "agentVersion", "slots", "labels", "held", "hostname"] },
);
const heartbeat = record({ heartbeatNo: positive53, held: fc.array(held), freeSlots: uint32 });
export const offerAnswer: fc.Arbitrary<OfferAnswer> = fc.oneof(
  record({ attemptId, leaseId, accepted: fc.constant(true as const) }),
  record({
    attemptId,
    leaseId,
    accepted: fc.constant(false as const),
    declineReason: fc.constantFrom(...DECLINE_REASONS),
  }),
);
const upgradeProblem = record({ version: filledText, problem: rowText });
export const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  hello.map((body) => ({ kind: "hello" as const, ...body })),
  heartbeat.map((body) => ({ kind: "heartbeat" as const, ...body })),
  offerAnswer.map((body) => ({ kind: "offerAnswer" as const, ...body })),
  upgradeProblem.map((body) => ({ kind: "upgradeProblem" as const, ...body })),
  rowText.map((problem) => ({ kind: "unfit" as const, problem })),
);

const withLimit = fc.oneof(
  fc.constant({}),
  positive53.map((memoryBytes) => ({ memoryBytes })),
);
export const jobPolicy: fc.Arbitrary<JobPolicy> = record(
  {
    confinement: fc.constantFrom(...CONFINEMENTS),
    egress: fc.oneof(
      fc.constantFrom({ kind: "all" as const }, { kind: "none" as const }),
      record({ kind: fc.constant("allow" as const), hosts: fc.array(text, { maxLength: 3 }) }),
    ),
    farmAccess: fc.boolean(),
    containersAllowed: fc.boolean(),
    containers: record({
      isPrivileged: fc.boolean(),
      capabilities: fc.array(text, { maxLength: 3 }),
      devices: fc.array(text, { maxLength: 3 }),
      volumes: fc.array(text, { maxLength: 3 }),
      hostNamespaces: fc.uniqueArray(fc.constantFrom(...HOST_NAMESPACES)),
    }),
    limits: fc.oneof(withLimit, record({ memoryBytes: positive53, processesMax: positive53, diskBytes: positive53 })),
  },
  { requiredKeys: ["egress", "farmAccess", "containersAllowed", "containers", "limits"] },
);

const welcome = record(
  {
    protocolVersion: positive32,
    sessionNo: positive53,
    agentId,
    agentName: text,
    pool: text,
    heartbeatEveryMs: positive32,
    leaseTtlMs: positive32,
    leaseMarginMs: uint32,
    orphanGraceMs: uint32,
    natsJwt: word,
    natsUrls: fc.array(text),
    revokedAttemptIds: fc.array(attemptId),
    draining: fc.boolean(),
    policy: jobPolicy,
    farmAddresses: fc.array(text),
  },
  {
    requiredKeys: [
      "protocolVersion",
      "sessionNo",
      "agentId",
      "agentName",
      "pool",
      "heartbeatEveryMs",
      "leaseTtlMs",
      "leaseMarginMs",
      "orphanGraceMs",
      "natsUrls",
      "revokedAttemptIds",
      "draining",
      "policy",
      "farmAddresses",
    ],
  },
);
const heartbeatReply = record(
  {
    heartbeatNo: positive53,
    renewedAttemptIds: fc.array(attemptId),
    revokedAttemptIds: fc.array(attemptId),
    natsJwt: word,
  },
  { requiredKeys: ["heartbeatNo", "renewedAttemptIds", "revokedAttemptIds"] },
);
export const offer = record({
  attemptId,
  leaseId,
  fence: uint64,
  jobId,
  attemptNo: positive32,
  expiresInMs: uint32,
});
export const cancel = record({ attemptId, leaseId, reason: text });
export const drain = record({ draining: fc.boolean() });
const upgrade = record({
  version: filledText,
  files: fc.array(record({ platform: filledText, path: filledText, sha256: filledText }), { maxLength: 16 }),
});
export const controllerMessage: fc.Arbitrary<ControllerMessage> = fc.oneof(
  welcome.map((body) => ({ kind: "welcome" as const, ...body })),
  heartbeatReply.map((body) => ({ kind: "heartbeatReply" as const, ...body })),
  offer.map((body) => ({ kind: "offer" as const, ...body })),
  cancel.map((body) => ({ kind: "cancel" as const, ...body })),
  drain.map((body) => ({ kind: "drain" as const, ...body })),
  upgrade.map((body) => ({ kind: "upgrade" as const, ...body })),
  jobPolicy.map((policy) => ({ kind: "policy" as const, policy })),
);

const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
export const value = anyValue;
const templates: fc.Arbitrary<TemplateMap> = fc.array(fc.tuple(text, text), { maxLength: 4 });
const strings = fc.dictionary(rowText, rowText, { maxKeys: 4, noNullPrototype: true });

const common = {
  id: text,
  name: text,
  condition: word,
  env: templates,
  continueOnError: text,
  timeoutMinutes: text,
  background: fc.constant(true),
  position: record({ line: uint32, column: uint32 }),
};
const step: fc.Arbitrary<StepDefinition> = fc.oneof(
  record(
    { ...common, kind: fc.constant("run" as const), run: text, shell: text, workingDirectory: text },
    { requiredKeys: ["kind", "condition", "env", "position", "run"] },
  ),
  record(
    { ...common, kind: fc.constant("uses" as const), uses: word, with: templates },
    { requiredKeys: ["kind", "condition", "env", "position", "uses", "with"] },
  ),
  record(
    {
      ...common,
      kind: fc.constant("wait" as const),
      targets: fc.oneof(fc.constant("all" as const), fc.array(text, { maxLength: 3 })),
    },
    { requiredKeys: ["kind", "condition", "env", "position", "targets"] },
  ),
  record(
    { ...common, kind: fc.constant("cancel" as const), target: word },
    { requiredKeys: ["kind", "condition", "env", "position", "target"] },
  ),
);
const container = {
  image: text,
  env: templates,
  ports: fc.array(text, { maxLength: 2 }),
  volumes: fc.array(text, { maxLength: 2 }),
  options: text,
  credentials: record({ username: text, password: text }),
  entrypoint: text,
  command: text,
};
const containerKeys: ("image" | "env" | "ports" | "volumes")[] = ["image", "env", "ports", "volumes"];
const planModel = {
  jobKey: word,
  jobName: text,
  repository: word,
  sha: word,
  ref: word,
  runId: uint53,
  runNumber: uint32,
  runAttempt: uint32,
  workflowName: text,
  workflowPath: text,
  eventName: word,
  actor: text,
  trust: fc.constantFrom(...TRUSTS),
  defaultBranch: text,
  publicUrl: text,
  triggeringActor: text,
  headRef: text,
  baseRef: text,
  eventDigest: text,
  source: record({ repository: word, path: word, ref: word, sha: word }),
  inputs: fc.dictionary(text, value, { maxKeys: 3, noNullPrototype: true }),
  vars: strings,
  permissions: fc.dictionary(
    rowText.filter((scope) => scope !== ""),
    fc.constantFrom("none" as const, "read" as const, "write" as const),
    {
      maxKeys: 3,
      noNullPrototype: true,
    },
  ),
  matrix: fc.dictionary(text, value, { maxKeys: 3, noNullPrototype: true }),
  strategy: record({ failFast: fc.boolean(), jobIndex: uint32, jobTotal: uint32, maxParallel: uint32 }),
  needs: fc.array(record({ jobKey: word, result: fc.constantFrom(...CONCLUSIONS), outputs: strings }), {
    maxLength: 3,
  }),
  env: templates,
  defaults: record({ shell: text, workingDirectory: text }, { requiredKeys: [] }),
  timeoutMs: uint53,
  outputs: templates,
  steps: fc.array(step, { maxLength: 4 }),
  container: record(container, { requiredKeys: containerKeys }),
  services: fc.array(record({ ...container, name: word }, { requiredKeys: [...containerKeys, "name"] }), {
    maxLength: 2,
  }),
  environment: record({ name: word, url: text }, { requiredKeys: ["name"] }),
  exclusive: fc.boolean(),
  cancelGrace: record({ interruptMs: uint32, terminateMs: uint32 }),
};
export const plan: fc.Arbitrary<Plan> = fc.record(planModel, { noNullPrototype: true }).chain((full) =>
  fc.tuple(fc.boolean(), fc.boolean()).map(([hasContainer, hasEnvironment]): Plan => {
    const { container: job, environment, ...rest } = full;
    return { ...rest, ...(hasContainer && { container: job }), ...(hasEnvironment && { environment }) };
  }),
);

export const startAttemptRequest = record({ lease });
export const startAttemptReply: fc.Arbitrary<StartAttemptReply> = fc.oneof(
  record({ plan, masks: fc.array(bytes), jobToken: text, policy: jobPolicy, cancelRequested: fc.constant(false) }),
  record({
    plan,
    masks: fc.array(bytes),
    jobToken: text,
    policy: jobPolicy,
    cancelRequested: fc.constant(false),
    event: bytes,
  }),
  record({
    plan,
    masks: fc.array(bytes),
    jobToken: text,
    policy: jobPolicy,
    cancelRequested: fc.constant(true),
    cancelReason: text,
  }),
);
const annotation: fc.Arbitrary<Annotation> = record(
  {
    level: fc.constantFrom(...ANNOTATION_LEVELS),
    message: rowText,
    title: rowText,
    file: rowText,
    line: uint32,
    endLine: uint32,
    column: uint32,
    endColumn: uint32,
  },
  { requiredKeys: ["level", "message"] },
);
const stepReport: fc.Arbitrary<StepReport> = record(
  {
    stepNo: uint32,
    name: rowText,
    state: fc.constantFrom(...REPORTED_STEP_STATES),
    outcome: fc.constantFrom(...OUTCOMES),
    conclusion: fc.constantFrom(...CONCLUSIONS),
    exitCode: fc.maxSafeInteger(),
    signal: rowText,
    fault: rowText,
    startedAtMs: uint53,
    finishedAtMs: uint53,
    annotations: fc.array(annotation, { minLength: 1, maxLength: 4 }),
    summary: rowText,
  },
  { requiredKeys: ["stepNo", "name", "state", "outcome", "startedAtMs"] },
);
export const reportStepsRequest: fc.Arbitrary<ReportStepsRequest> = record({ lease, steps: fc.array(stepReport) });
export const reportStepsReply = record({ cancelRequested: fc.boolean() });
export const finishAttemptRequest: fc.Arbitrary<FinishAttemptRequest> = record({
  lease,
  report: record(
    {
      outcome: fc.constantFrom(...OUTCOMES),
      reason: rowText,
      message: rowText,
      outputs: strings,
      seals: fc.array(
        record({
          stream,
          lengthBytes: uint53,
          sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((value) => Buffer.from(value).toString("hex")),
        }),
      ),
      receipt: record({
        processesEndedCount: uint32,
        leftCount: uint32,
        tookMs: uint32,
        containment: fc.constantFrom(...CONTAINMENTS),
      }),
      startedAtMs: uint53,
      finishedAtMs: uint53,
    },
    { requiredKeys: ["outcome", "reason", "outputs", "seals", "receipt", "startedAtMs", "finishedAtMs"] },
  ),
  steps: fc.array(stepReport),
});
export const finishAttemptReply: fc.Arbitrary<FinishAttemptReply> = fc.oneof(
  record({ kind: fc.constant("accepted" as const), jobState: fc.constantFrom(...JOB_STATES) }),
  record({ kind: fc.constant("needLog" as const), stream, offset: uint53 }),
);
const times = fc
  .array(record({ offset: uint53, atMs: uint53 }), { maxLength: 5 })
  .map((list) => list.sort((a, b) => a.offset - b.offset));
export const logMessage: fc.Arbitrary<LogMessage> = fc.oneof(
  record({ kind: fc.constant("open" as const), lease }),
  record({ kind: fc.constant("chunk" as const), stream, offset: uint53, data: bytes, times, end: fc.boolean() }),
);
export const logAck = record({ stream, offset: uint53 });

const hex = (bytesCount: number) =>
  fc.uint8Array({ minLength: bytesCount, maxLength: bytesCount }).map((value) => Buffer.from(value).toString("hex"));
const repository = fc.constantFrom("actions/checkout", "a/b.c", "Some-One/x_y");
export const fetchDocumentRequest: fc.Arbitrary<FetchDocumentRequest> = record({
  lease,
  digest: hex(32),
  offset: uint53,
});
export const fetchReply: fc.Arbitrary<FetchReply> = record({ data: bytes, totalBytes: uint53 });
export const resolveActionRequest: fc.Arbitrary<ResolveActionRequest> = record({
  lease,
  repository,
  ref: rowText.filter((ref) => ref !== ""),
});
export const resolveActionReply: fc.Arbitrary<ResolveActionReply> = fc.oneof(
  record({ kind: fc.constant("sha" as const), sha: fc.oneof(hex(20), hex(32)) }),
  record({ kind: fc.constant("problem" as const), problem: rowText }),
);
const imageName = fc.constantFrom("alpine:3", "ghcr.io/a/b@sha256:0", "postgres");
export const pinImageRequest: fc.Arbitrary<PinImageRequest> = record({
  lease,
  image: imageName,
  found: fc.oneof(fc.constant(""), imageName),
});
export const pinImageReply: fc.Arbitrary<PinImageReply> = record({ found: fc.oneof(fc.constant(""), imageName) });
export const fetchActionRequest: fc.Arbitrary<FetchActionRequest> = record({
  lease,
  repository,
  sha: hex(20),
  offset: uint53,
});

export const poolWake = record({ pool: word });
export const runChanged = record({ runId: positive53.map(asRunId) });
const kick = record({ sessionNo: positive53, reason: fc.constantFrom(...KICK_REASONS) }, { requiredKeys: ["reason"] });
export const agentHint: fc.Arbitrary<AgentHint> = fc.oneof(
  fc.tuple(agentId, offer).map(([id, body]) => ({ agentId: id, kind: "offer" as const, ...body })),
  fc.tuple(agentId, cancel).map(([id, body]) => ({ agentId: id, kind: "cancel" as const, ...body })),
  fc.tuple(agentId, drain).map(([id, body]) => ({ agentId: id, kind: "drain" as const, ...body })),
  fc.tuple(agentId, kick).map(([id, body]) => ({ agentId: id, kind: "kick" as const, ...body })),
);
export const logTailWanted: fc.Arbitrary<LogTailWanted> = record({
  attemptId,
  stream,
  untilMs: uint53,
  watcher: fc.string({ maxLength: 40 }),
});
export const logTailBytes: fc.Arbitrary<LogTailBytes> = record({
  attemptId,
  stream,
  offset: uint53,
  data: bytes,
  end: fc.boolean(),
});
