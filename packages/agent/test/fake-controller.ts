import { createHash, type Hash, randomUUID } from "node:crypto";
import { readAgentCertificate } from "@windrow/certificates";
import { makeTestAuthority, makeTestIdentity } from "@windrow/certificates/testing";
import {
  type AttemptId,
  asAgentId,
  asAttemptId,
  asJobId,
  asLeaseId,
  type FinishReport,
  JOB_POLICY_DEFAULT,
  type JobPolicy,
  type LeaseRef,
  type Plan,
  Refusal,
  type RunStepDefinition,
  type StepReport,
  type UsesStepDefinition,
} from "@windrow/model";
import {
  type AgentApi,
  type AgentMessage,
  type AgentServer,
  type ControllerMessage,
  type Hello,
  LogGap,
  type Offer,
  type OfferAnswer,
  startAgentServer,
} from "@windrow/wire";

export const AGENT_ID = "9c9f2a86-0000-4000-8000-000000000001";
const { authority, server } = await makeTestAuthority();
/** Of every fake farm. */
export const AUTHORITY = authority;
/** What the one agent of a fake farm shows. */
export const IDENTITY = await makeTestIdentity(authority, AGENT_ID);

/** The event of every plan made here. */
export const EVENT_JSON = '{"after":"aaaa"}';
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** One attempt as the fake controller knows it. */
export interface FakeAttempt {
  readonly offer: Offer;
  plan: Plan;
  /** Comes with the start unless the test has it fetched. */
  readonly event: string;
  readonly isEventInline: boolean;
  masks: Uint8Array[];
  readonly jobToken: string;
  cancelRequested: boolean;
  revoked: boolean;
  startsCount: number;
  readonly reports: StepReport[];
  /** Calls of ReportSteps. */
  reportCallsCount: number;
  readonly streams: Map<string, Buffer[]>;
  /** Bytes of each stream that are durable. */
  readonly lengths: Map<string, number>;
  readonly ended: Set<string>;
  finish: FinishReport | undefined;
  finishesCount: number;
}

export interface OfferOptions {
  readonly masks?: string[];
  readonly cancelRequested?: boolean;
  readonly jobId?: number;
  readonly event?: string;
  readonly isEventInline?: boolean;
}

/** Small, so that everything comes in several pieces. */
const DOCUMENT_PIECE_BYTES = 64 * 1024;

/** A controller in memory behind the real wire: enough to hold an agent to the protocol, and to misbehave on purpose. */
export class FakeController {
  readonly attempts = new Map<AttemptId, FakeAttempt>();
  readonly hellos: Hello[] = [];
  readonly answers: OfferAnswer[] = [];
  readonly heartbeats: { heldCount: number; freeSlots: number }[] = [];
  /** Answers of what went wrong on the way, for tests to look at. */
  readonly problems: string[] = [];
  terms = { heartbeatEveryMs: 100, leaseTtlMs: 3_000, leaseMarginMs: 300, orphanGraceMs: 60_000 };
  /** Says NEED_LOG once for this stream. */
  needLog: { stream: "system" | `${number}`; offset: number } | undefined;
  /** Of the pool: what a welcome and a start say. */
  policy: JobPolicy = JOB_POLICY_DEFAULT;
  farmAddresses: string[] = [];
  /** What the agent said of itself; empty when it can do as the pool asks. */
  unfitProblems: string[] = [];
  refuseHello: Refusal | undefined;
  refusedHellosCount = 0;
  /** While false nothing is durable: acks are held back. */
  areLogsDurable = true;
  /** While false log bytes are counted and hashed only. */
  keepsBytes = true;
  readonly hashes = new Map<string, Hash>();
  /** While false renewals are neither given nor refused. */
  renews = true;
  /** By `owner/name@ref`. */
  readonly actions = new Map<string, { readonly sha: string; readonly tar: Buffer }>();
  actionFetchesCount = 0;
  /** What images are for the one run. */
  readonly images = new Map<string, string>();
  #server: AgentServer | undefined;
  #port = 0;
  #sessionNo = 0;
  #send: ((message: ControllerMessage) => void) | undefined;
  #fence = 1n;

  async start(): Promise<void> {
    this.#server = await startAgentServer({
      listen: `127.0.0.1:${this.#port}`,
      api: this.#api(),
      authenticate: async ({ raw }) => {
        if (readAgentCertificate(raw, authority.cert).agentId !== AGENT_ID) {
          throw new Refusal("unauthenticated", "not an agent's certificate");
        }
        return { agentId: asAgentId(AGENT_ID) };
      },
      tls: server,
      logger: { debug() {}, warn() {}, error: (_: object, text: string) => void this.problems.push(text) },
      stopGraceMs: 50,
    });
    this.#port = this.#server.port;
  }

  async stop(): Promise<void> {
    this.#send = undefined;
    await this.#server?.stop();
    this.#server = undefined;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get isConnected(): boolean {
    return this.#send !== undefined;
  }

  say(message: ControllerMessage): void {
    this.#send?.(message);
  }

  /** Makes an attempt of this plan and offers it down the session. */
  offer(plan: Plan, options: OfferOptions = {}): FakeAttempt {
    const event = options.event ?? EVENT_JSON;
    const offer: Offer = {
      attemptId: asAttemptId(randomUUID()),
      leaseId: asLeaseId(randomUUID()),
      fence: this.#fence++,
      jobId: asJobId(options.jobId ?? Number(this.#fence)),
      attemptNo: 1,
      expiresInMs: 10_000,
    };
    const attempt: FakeAttempt = {
      offer,
      plan: { ...plan, eventDigest: digestOf(event) },
      event,
      isEventInline: options.isEventInline ?? true,
      masks: (options.masks ?? []).map((text) => Buffer.from(text)),
      jobToken: `wrt_${randomUUID()}`,
      cancelRequested: options.cancelRequested ?? false,
      revoked: false,
      startsCount: 0,
      reports: [],
      reportCallsCount: 0,
      streams: new Map(),
      lengths: new Map(),
      ended: new Set(),
      finish: undefined,
      finishesCount: 0,
    };
    this.attempts.set(offer.attemptId, attempt);
    this.say({ kind: "offer", ...offer });
    return attempt;
  }

  #find(lease: LeaseRef): FakeAttempt {
    const attempt = this.attempts.get(lease.attemptId);
    const isOpen = attempt !== undefined && !attempt.revoked && attempt.offer.leaseId === lease.leaseId;
    if (!isOpen || lease.sessionNo !== this.#sessionNo) throw new Refusal("revoked", "not your attempt");
    return attempt;
  }

  #api(): AgentApi {
    return {
      session: (_caller, messages, send, signal) => this.#session(messages, send, signal),
      startAttempt: async (_caller, { lease }) => {
        const attempt = this.#find(lease);
        attempt.startsCount++;
        const { plan, masks, jobToken, cancelRequested } = attempt;
        return {
          ...{ plan, masks, jobToken, cancelRequested, policy: this.policy },
          ...(cancelRequested ? { cancelReason: "asked" } : {}),
          ...(attempt.isEventInline ? { event: Buffer.from(attempt.event) } : {}),
        };
      },
      fetchDocument: async (_caller, { lease, digest, offset }) => {
        const { event } = this.#find(lease);
        if (digest !== digestOf(event)) throw new Refusal("not_found", "no such document");
        const bytes = Buffer.from(event);
        return { data: bytes.subarray(offset, offset + DOCUMENT_PIECE_BYTES), totalBytes: bytes.length };
      },
      resolveAction: async (_caller, { lease, repository, ref }) => {
        this.#find(lease);
        const action = this.actions.get(`${repository}@${ref}`);
        if (action === undefined) return { kind: "problem", problem: `there is no ${repository}@${ref}` };
        return { kind: "sha", sha: action.sha };
      },
      pinImage: async (_caller, { lease, image, found }) => {
        this.#find(lease);
        if (found !== "" && !this.images.has(image)) this.images.set(image, found);
        return { found: this.images.get(image) ?? "" };
      },
      fetchAction: async (_caller, { lease, sha, offset }) => {
        this.#find(lease);
        this.actionFetchesCount++;
        const action = [...this.actions.values()].find((one) => one.sha === sha);
        if (action === undefined) throw new Refusal("not_found", "no such action");
        return { data: action.tar.subarray(offset, offset + DOCUMENT_PIECE_BYTES), totalBytes: action.tar.length };
      },
      reportSteps: async (_caller, { lease, steps }) => {
        const attempt = this.#find(lease);
        attempt.reportCallsCount++;
        attempt.reports.push(...steps);
        return { cancelRequested: attempt.cancelRequested };
      },
      shipLog: async (_caller, messages, send) => {
        let attempt: FakeAttempt | undefined;
        for await (const message of messages) {
          if (message.kind === "open") {
            attempt = this.#find(message.lease);
            for (const [stream, offset] of attempt.lengths) await send({ stream: stream as "system", offset });
            continue;
          }
          if (attempt === undefined || attempt.revoked) throw new Refusal("revoked", "not your attempt");
          const { stream, offset, data, end } = message;
          const length = attempt.lengths.get(stream) ?? 0;
          if (offset > length) throw new LogGap(stream, length);
          const fresh = data.subarray(length - offset);
          const pieces = attempt.streams.get(stream) ?? [];
          if (this.keepsBytes) pieces.push(Buffer.from(fresh));
          const hash = this.hashes.get(stream) ?? createHash("sha256");
          this.hashes.set(stream, hash.update(fresh));
          attempt.streams.set(stream, pieces);
          attempt.lengths.set(stream, length + fresh.length);
          if (end) attempt.ended.add(stream);
          // Like the real one: bytes it has already are not acknowledged again.
          if (this.areLogsDurable && fresh.length > 0) await send({ stream, offset: length + fresh.length });
        }
      },
      finishAttempt: async (_caller, { lease, report, steps }) => {
        const attempt = this.#find(lease);
        attempt.finishesCount++;
        if (this.needLog !== undefined) {
          const { stream, offset } = this.needLog;
          this.needLog = undefined;
          attempt.lengths.set(stream, offset);
          attempt.streams.set(stream, [this.log(attempt, stream).subarray(0, offset)]);
          return { kind: "needLog", stream, offset };
        }
        if (attempt.finish === undefined) attempt.reports.push(...steps);
        attempt.finish ??= report;
        return { kind: "accepted", jobState: "finished" };
      },
    };
  }

  async #session(messages: AsyncIterable<AgentMessage>, send: (m: ControllerMessage) => void, signal: AbortSignal) {
    for await (const message of messages) {
      if (message.kind === "hello") {
        if (this.refuseHello !== undefined) {
          this.refusedHellosCount++;
          throw this.refuseHello;
        }
        this.hellos.push(message);
        this.#sessionNo++;
        this.#send = send;
        const revokedAttemptIds = message.held.map((lease) => lease.attemptId).filter((id) => !this.#isOpen(id));
        const { policy, farmAddresses } = this;
        const said = { ...WELCOME, ...this.terms, policy, farmAddresses };
        send({ ...said, kind: "welcome", sessionNo: this.#sessionNo, revokedAttemptIds });
      } else if (message.kind === "unfit") {
        this.unfitProblems.push(message.problem);
      } else if (message.kind === "heartbeat") {
        const { heartbeatNo, held, freeSlots } = message;
        this.heartbeats.push({ heldCount: held.length, freeSlots });
        const ids = held.map((lease) => lease.attemptId);
        const renewedAttemptIds = this.renews ? ids.filter((id) => this.#isOpen(id)) : [];
        send({
          kind: "heartbeatReply",
          heartbeatNo,
          renewedAttemptIds,
          revokedAttemptIds: ids.filter((id) => !this.#isOpen(id)),
        });
      } else if (message.kind === "offerAnswer") {
        const { kind: _, ...answer } = message;
        this.answers.push(answer);
      }
    }
    if (this.#send === send) this.#send = undefined;
    signal.throwIfAborted();
  }

  #isOpen(id: AttemptId): boolean {
    const attempt = this.attempts.get(id);
    return attempt !== undefined && !attempt.revoked;
  }

  log(attempt: FakeAttempt, stream: string): Buffer {
    return Buffer.concat(attempt.streams.get(stream) ?? []);
  }
}

const WELCOME = {
  protocolVersion: 1,
  agentId: asAgentId(AGENT_ID),
  agentName: "agent-1",
  pool: "default",
  natsUrls: [],
  draining: false,
} as const;

const POSITION = { line: 1, column: 1 };

/** A `run` step; the condition is the default one. */
export function runStep(run: string, more: Partial<RunStepDefinition> = {}): RunStepDefinition {
  return { kind: "run", run, condition: "success()", env: [], position: POSITION, ...more };
}

export function checkoutStep(inputs: Record<string, string> = {}): UsesStepDefinition {
  const rest = { condition: "success()", env: [], position: POSITION };
  return { kind: "uses", uses: "actions/checkout@v4", with: Object.entries(inputs), ...rest };
}

/** A plan of these steps and nothing special. */
export function planOf(steps: Plan["steps"], more: Partial<Plan> = {}): Plan {
  return {
    jobKey: "build",
    jobName: "build",
    repository: "acme/app",
    sha: "a".repeat(40),
    ref: "refs/heads/main",
    runId: 7,
    runNumber: 3,
    runAttempt: 1,
    workflowName: "ci",
    workflowPath: ".windrow/workflows/ci.yml",
    eventName: "push",
    actor: "ada",
    trust: "trusted",
    defaultBranch: "main",
    publicUrl: "http://127.0.0.1:7070",
    triggeringActor: "ada",
    headRef: "",
    baseRef: "",
    eventDigest: digestOf(EVENT_JSON),
    source: { repository: "acme/app", path: ".windrow/workflows/ci.yml", ref: "refs/heads/main", sha: "a".repeat(40) },
    inputs: {},
    vars: {},
    permissions: { contents: "read" },
    matrix: {},
    strategy: { failFast: true, jobIndex: 0, jobTotal: 1, maxParallel: 1 },
    needs: [],
    env: [],
    defaults: {},
    timeoutMs: 60_000,
    outputs: [],
    steps,
    services: [],
    exclusive: false,
    cancelGrace: { interruptMs: 300, terminateMs: 200 },
    ...more,
  };
}
