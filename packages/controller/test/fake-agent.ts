import { createHash, randomUUID } from "node:crypto";
import {
  type AgentId,
  type AttemptId,
  asInstanceId,
  type FinishReport,
  type LeaseId,
  type Outcome,
  type Plan,
  type StepReport,
  type StreamName,
  type StreamSeal,
} from "@windrow/model";
import {
  type AgentApiClient,
  type Cancel,
  type ClientTls,
  type ControllerMessage,
  createAgentApiClient,
  type FinishAttemptReply,
  type LeaseHeld,
  type Offer,
  PROTOCOL_VERSION,
  type SessionCall,
  type StartAttemptReply,
  type Welcome,
} from "@windrow/wire";
import { waitFor } from "./wait-for.ts";

/** An agent that speaks the protocol and runs nothing: each test says what it does next. */
export class FakeAgent {
  readonly agentId: AgentId;
  readonly api: AgentApiClient;
  readonly tls: ClientTls;
  readonly instanceId = asInstanceId(randomUUID());
  readonly offers: Offer[] = [];
  readonly cancels: Cancel[] = [];
  readonly replies: Extract<ControllerMessage, { kind: "heartbeatReply" }>[] = [];
  readonly held = new Map<AttemptId, LeaseHeld>();
  session: SessionCall | undefined;
  sessionError: unknown;
  isSessionOver = false;
  welcome: Welcome | undefined;
  /** Beats like a real agent unless a test wants it silent. */
  isSilent = false;
  protocolVersion = PROTOCOL_VERSION;
  isUpgradable = false;
  version = "test";
  /** What kinds of message it was sent. */
  readonly heard = new Set<string>();
  slots = 1;
  labels: string[] = ["linux"];
  #heartbeatNo = 0;
  /** An offer may come many times, also after its attempt is over. */
  readonly #taken = new Set<AttemptId>();

  constructor(options: { agentId: AgentId; address: string; tls: ClientTls }) {
    this.agentId = options.agentId;
    this.tls = options.tls;
    this.api = createAgentApiClient(options);
  }

  get sessionNo(): number {
    return this.welcome?.sessionNo ?? 0;
  }

  async connect(options: { instanceId?: string } = {}): Promise<Welcome> {
    this.session?.close();
    const session = this.api.session();
    this.session = session;
    this.isSessionOver = false;
    this.sessionError = undefined;
    this.welcome = undefined;
    void this.#read(session);
    session.send({
      kind: "hello",
      protocolVersion: this.protocolVersion,
      ...(this.isUpgradable && { isUpgradable: true }),
      instanceId: asInstanceId(options.instanceId ?? this.instanceId),
      agentVersion: this.version,
      slots: this.slots,
      labels: this.labels,
      held: [...this.held.values()],
      hostname: "test",
    });
    return waitFor("a welcome", () => {
      if (this.sessionError !== undefined) throw this.sessionError;
      return this.welcome;
    });
  }

  async #read(session: SessionCall): Promise<void> {
    try {
      for await (const message of session.messages) {
        if (session !== this.session) return;
        this.heard.add(message.kind);
        if (message.kind === "welcome") this.#welcome(message, session);
        else if (message.kind === "offer") this.offers.push(message);
        else if (message.kind === "cancel") this.cancels.push(message);
        else if (message.kind === "heartbeatReply") this.replies.push(message);
      }
    } catch (error) {
      if (session === this.session) this.sessionError = error;
    }
    if (session === this.session) this.isSessionOver = true;
  }

  #welcome(welcome: Welcome, session: SessionCall): void {
    this.welcome = welcome;
    const beating = setInterval(() => {
      if (session !== this.session || this.isSessionOver) clearInterval(beating);
      else if (!this.isSilent) this.#sendBeat();
    }, welcome.heartbeatEveryMs);
  }

  #sendBeat(): number {
    const heartbeatNo = ++this.#heartbeatNo;
    this.session?.send({ kind: "heartbeat", heartbeatNo, held: [...this.held.values()], freeSlots: 1 });
    return heartbeatNo;
  }

  /** The next offer that was not taken before. */
  async offer(withinMs = 10_000): Promise<Offer> {
    const offer = await waitFor("an offer", () => this.offers.find((one) => !this.#taken.has(one.attemptId)), {
      withinMs,
    });
    this.#taken.add(offer.attemptId);
    this.held.set(offer.attemptId, offer);
    return offer;
  }

  async beat(): Promise<Extract<ControllerMessage, { kind: "heartbeatReply" }>> {
    const heartbeatNo = this.#sendBeat();
    return waitFor("a heartbeat reply", () => this.replies.find((reply) => reply.heartbeatNo === heartbeatNo));
  }

  lease(offer: { attemptId: AttemptId; leaseId: LeaseId }, sessionNo = this.sessionNo) {
    return { attemptId: offer.attemptId, leaseId: offer.leaseId, sessionNo };
  }

  start(offer: Offer): Promise<StartAttemptReply> {
    return this.api.startAttempt({ lease: this.lease(offer) });
  }

  /** Ships whole streams, in chunks, and waits until all is acknowledged. */
  async ship(offer: Offer, streams: Readonly<Record<string, Uint8Array>>, chunkBytes = 65_536): Promise<StreamSeal[]> {
    const log = this.api.openLog();
    const durable = new Map<string, number>();
    const acks = (async () => {
      for await (const ack of log.acks) durable.set(ack.stream, ack.offset);
    })();
    await log.send({ kind: "open", lease: this.lease(offer) });
    for (const [name, bytes] of Object.entries(streams)) {
      const stream = name as StreamName;
      for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
        const data = bytes.subarray(offset, offset + chunkBytes);
        const end = offset + data.length === bytes.length;
        await log.send({ kind: "chunk", stream, offset, data, times: [{ offset, atMs: 1 }], end });
      }
    }
    log.end();
    await acks;
    log.close();
    return Object.entries(streams).map(([name, bytes]) => ({
      stream: name as StreamName,
      lengthBytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    }));
  }

  async finish(
    offer: Offer,
    change: Partial<FinishReport> = {},
    steps: readonly StepReport[] = [],
  ): Promise<FinishAttemptReply> {
    const reply = await this.api.finishAttempt({ lease: this.lease(offer), report: report(change), steps });
    if (reply.kind === "accepted") this.held.delete(offer.attemptId);
    return reply;
  }

  /** The whole life of the next job, with one step that writes `output`. */
  async runNext(options: { outcome?: Outcome; outputs?: Record<string, string>; output?: string } = {}): Promise<Plan> {
    const offer = await this.offer();
    const { plan } = await this.start(offer);
    const lease = this.lease(offer);
    const step = { stepNo: 0, name: "step", startedAtMs: 1_000 };
    await this.api.reportSteps({ lease, steps: [{ ...step, state: "running" }] });
    const seals = await this.ship(offer, { "0": Buffer.from(options.output ?? "hello\n") });
    const outcome = options.outcome ?? "succeeded";
    await this.api.reportSteps({ lease, steps: [{ ...step, state: "finished", outcome, finishedAtMs: 2_000 }] });
    await this.finish(offer, { outcome, outputs: options.outputs ?? {}, seals });
    return plan;
  }

  close(): void {
    this.isSessionOver = true;
    this.session?.close();
    this.session = undefined;
    this.api.close();
  }
}

export function report(change: Partial<FinishReport> = {}): FinishReport {
  return {
    outcome: "succeeded",
    reason: "finished",
    outputs: {},
    seals: [],
    receipt: { processesEndedCount: 0, leftCount: 0, tookMs: 1, containment: "best-effort" },
    startedAtMs: 1_000,
    finishedAtMs: 2_000,
    ...change,
  };
}
