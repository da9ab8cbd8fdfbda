import { createHash, randomUUID } from "node:crypto";
import { type AttemptId, asInstanceId, type LeaseRef, Refusal, type StreamName, type StreamSeal } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import {
  type AgentApiClient,
  type Cancel,
  createAgentApiClient,
  type LeaseHeld,
  type Offer,
  type OfferAnswer,
  PROTOCOL_VERSION,
  type Welcome,
} from "@windrow/wire";
import { type AgentBus, createAgentBus } from "../../packages/agent/src/agent-bus.ts";
import { type Connection, createConnection } from "../../packages/agent/src/session/connection.ts";
import { createSessionLoop } from "../../packages/agent/src/session/session-loop.ts";
import { clientTls } from "../../packages/agent/src/start/farm-trust.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";

/** What all simulated agents of a group write down together; times are on the process's monotonic clock, in ms. */
export interface SimulatedRecord {
  /** Every try to open a session, by when it was due: how late this process was with so many agents is not their doing. */
  readonly connectsAt: number[];
  /** Every session that was opened. */
  readonly welcomesAt: number[];
  /** From the call to the welcome. */
  readonly welcomeMs: number[];
  /** From a heartbeat to its answer. */
  readonly heartbeatMs: number[];
  /** From the end of a job to the next one in the same agent, while it had nothing else. */
  readonly idleMs: number[];
  /** Leases that the farm took away. */
  readonly lost: AttemptId[];
  readonly begun: AttemptId[];
  readonly finished: AttemptId[];
  /** What stopped a job that should have gone on. */
  readonly faults: unknown[];
}

export interface SimulatedAgentOptions {
  readonly identity: SimulatedIdentity;
  readonly slots: number;
  readonly labels: readonly string[];
  readonly record: SimulatedRecord;
  /** How a job passes its time; `signal` aborts when it is cancelled or taken away. */
  readonly work: (attempt: LeaseHeld, signal: AbortSignal) => Promise<void>;
  /** Without it offers come down the session only. */
  readonly hasNats: boolean;
}

interface HeldAttempt {
  readonly lease: LeaseHeld;
  readonly over: AbortController;
  /** Its end is on the way: the answer to that says what became of the lease, and a heartbeat may know of it first. */
  isFinishing: boolean;
}

const LOG = Buffer.from("simulated\n");
const LOG_STREAM: StreamName = "0";
const LOG_SEAL: StreamSeal = {
  stream: LOG_STREAM,
  lengthBytes: LOG.length,
  sha256: createHash("sha256").update(LOG).digest("hex"),
};
const logger = createLogger({ component: "simulated", level: "silent" });
const clock: Clock = systemClock;

/** An agent that runs nothing and does all the rest with a real agent's own parts: session, reconnecting, doorbell, calls. */
export class SimulatedAgent {
  readonly name: string;
  readonly #options: SimulatedAgentOptions;
  readonly #held = new Map<AttemptId, HeldAttempt>();
  /** An offer may come again after its attempt is over. */
  readonly #taken = new Set<AttemptId>();
  readonly #connection: Connection = createConnection({ clock, logger });
  readonly #bus: AgentBus | undefined;
  readonly #loop: ReturnType<typeof createSessionLoop>;
  readonly #instanceId = asInstanceId(randomUUID());
  readonly #running = new Set<Promise<void>>();
  #connectedAt = 0;
  /** When the session loop's last pause was to end. */
  #dueAt: number | undefined;
  #idleSince: number | undefined;
  #isDraining = false;

  constructor(options: SimulatedAgentOptions) {
    const { identity, record } = options;
    this.#options = options;
    this.name = identity.credential.name;
    const onOffer = async (offer: Offer) => this.#take(offer);
    const onCancel = (cancel: Cancel) => this.#held.get(cancel.attemptId)?.over.abort("cancelled");
    const onDrain = ({ draining }: { readonly draining: boolean }) => {
      this.#isDraining = draining;
    };
    this.#bus = options.hasNats
      ? createAgentBus({ natsSeed: identity.natsSeed, authority: undefined, logger, onOffer, onCancel, onDrain })
      : undefined;
    this.#loop = createSessionLoop({
      addresses: identity.credential.grpcAddress.split(","),
      connect: (address) => this.#connect(address),
      hello: () => ({
        protocolVersion: PROTOCOL_VERSION,
        instanceId: this.#instanceId,
        agentVersion: "0.1.0",
        slots: options.slots,
        labels: options.labels,
        held: this.#leases(),
        hostname: "simulated",
      }),
      heartbeat: () => ({ held: this.#leases(), freeSlots: options.slots - this.#held.size }),
      connection: this.#connection,
      clock: { ...clock, sleep: (ms, signal) => this.#sleep(ms, signal) },
      bootClockMs: () => clock.monotonicMs(),
      logger,
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onHeartbeatReply: (reply, sentAtMs) => {
        record.heartbeatMs.push(clock.monotonicMs() - sentAtMs);
        for (const id of reply.revokedAttemptIds) if (this.#held.get(id)?.isFinishing === false) this.#lose(id);
        if (reply.natsJwt !== undefined) this.#bus?.renew(reply.natsJwt);
      },
      onMessage: (message, answer) => {
        if (message.kind === "offer") answer({ kind: "offerAnswer", ...this.#take(message) });
        else if (message.kind === "cancel") onCancel(message);
        else if (message.kind === "drain") onDrain(message);
      },
      onRefused: (refusal) => {
        record.faults.push(refusal);
        for (const id of [...this.#held.keys()]) this.#lose(id);
      },
    });
  }

  get isConnected(): boolean {
    return this.#connection.current() !== undefined;
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  /** Says goodbye; jobs that still run are left. */
  async stop(): Promise<void> {
    for (const { over } of this.#held.values()) over.abort("stopped");
    await Promise.all(this.#running);
    await this.#loop.stop();
    await this.#bus?.stop();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#dueAt = clock.monotonicMs() + ms;
    return clock.sleep(ms, signal);
  }

  #connect(address: string): AgentApiClient {
    this.#connectedAt = clock.monotonicMs();
    this.#options.record.connectsAt.push(this.#dueAt ?? this.#connectedAt);
    const { credential, key } = this.#options.identity;
    return createAgentApiClient({ address, tls: clientTls(credential, key) });
  }

  #leases(): LeaseHeld[] {
    return [...this.#held.values()].map(({ lease }) => lease);
  }

  #onWelcome(welcome: Welcome): void {
    const { record } = this.#options;
    const nowMs = clock.monotonicMs();
    record.welcomesAt.push(nowMs);
    record.welcomeMs.push(nowMs - this.#connectedAt);
    this.#isDraining = welcome.draining;
    for (const id of welcome.revokedAttemptIds) this.#lose(id);
    if (welcome.natsJwt !== undefined && welcome.natsUrls.length > 0)
      this.#bus?.use({ agentId: welcome.agentId, urls: welcome.natsUrls, jwt: welcome.natsJwt });
  }

  #lose(attemptId: AttemptId): void {
    const held = this.#held.get(attemptId);
    if (held === undefined) return;
    this.#options.record.lost.push(attemptId);
    this.#held.delete(attemptId);
    held.over.abort("lost");
  }

  #take({ attemptId, leaseId }: Offer): OfferAnswer {
    const decline = (declineReason: "draining" | "no_free_slot" | "stale_fence"): OfferAnswer => ({
      attemptId,
      leaseId,
      accepted: false,
      declineReason,
    });
    if (this.#held.has(attemptId)) return { attemptId, leaseId, accepted: true };
    if (this.#taken.has(attemptId)) return decline("stale_fence");
    if (this.#isDraining) return decline("draining");
    if (this.#held.size >= this.#options.slots) return decline("no_free_slot");
    this.#taken.add(attemptId);
    if (this.#idleSince !== undefined && this.#held.size === 0)
      this.#options.record.idleMs.push(clock.monotonicMs() - this.#idleSince);
    const over = new AbortController();
    this.#held.set(attemptId, { lease: { attemptId, leaseId }, over, isFinishing: false });
    const done = this.#run({ attemptId, leaseId }, over.signal);
    this.#running.add(done);
    void done.finally(() => this.#running.delete(done));
    return { attemptId, leaseId, accepted: true };
  }

  async #run(lease: LeaseHeld, over: AbortSignal): Promise<void> {
    const { record } = this.#options;
    try {
      const startedAtMs = clock.nowMs();
      await this.#call((client, ref) => client.startAttempt({ lease: ref }), lease, over);
      record.begun.push(lease.attemptId);
      await this.#options.work(lease, over);
      over.throwIfAborted();
      await this.#call((client, ref) => shipLog(client, ref, startedAtMs), lease, over);
      const report = {
        outcome: "succeeded" as const,
        reason: "finished",
        outputs: {},
        seals: [LOG_SEAL],
        receipt: { processesEndedCount: 0, leftCount: 0, tookMs: 0, containment: "best-effort" as const },
        startedAtMs,
        finishedAtMs: clock.nowMs(),
      };
      const held = this.#held.get(lease.attemptId);
      if (held !== undefined) held.isFinishing = true;
      const reply = await this.#call(
        (client, ref) => client.finishAttempt({ lease: ref, report, steps: [] }),
        lease,
        over,
      );
      if (reply.kind === "accepted") record.finished.push(lease.attemptId);
      else record.faults.push(new Error(`the log of ${lease.attemptId} is asked for again`));
    } catch (error) {
      if (over.aborted) return;
      if (error instanceof Refusal && error.code === "revoked") this.#lose(lease.attemptId);
      else record.faults.push(error);
    } finally {
      this.#held.delete(lease.attemptId);
      if (this.#held.size === 0) this.#idleSince = clock.monotonicMs();
    }
  }

  #call<T>(
    work: (client: AgentApiClient, lease: LeaseRef) => Promise<T>,
    { attemptId, leaseId }: LeaseHeld,
    over: AbortSignal,
  ): Promise<T> {
    return this.#connection.call(({ client, sessionNo }) => work(client, { attemptId, leaseId, sessionNo }), over);
  }
}

async function shipLog(client: AgentApiClient, lease: LeaseRef, atMs: number): Promise<void> {
  const log = client.openLog();
  try {
    const acks = (async () => {
      for await (const _ of log.acks);
    })();
    acks.catch(() => undefined);
    await log.send({ kind: "open", lease });
    await log.send({
      kind: "chunk",
      stream: LOG_STREAM,
      offset: 0,
      data: LOG,
      times: [{ offset: 0, atMs }],
      end: true,
    });
    log.end();
    await acks;
  } finally {
    log.close();
  }
}
