import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the controller counts; `/metrics` shows the registry. */
export interface Metrics {
  readonly registry: Registry;
  /** Writes that named a lease which is not the caller's any more: each changed nothing. */
  readonly staleFence: Counter;
  readonly granted: Counter<"pool">;
  /** Of these, to an agent that had worked on the repository before. */
  readonly warmGrants: Counter<"pool">;
  readonly offerUnanswered: Counter;
  readonly lostAttempts: Counter;
  /** By outcome: `wrong`, or `shut_out` from an address that sent too many. */
  readonly wrongTokens: Counter<"outcome">;
  /** Two processes showed the credential of one agent at once. */
  readonly agentClones: Counter;
  readonly sessionsOpen: Gauge;
  readonly natsConnected: Gauge;
  readonly queueWaitSeconds: Histogram<"pool">;
  readonly dispatchPassSeconds: Histogram;
  readonly logBytes: Counter;
  readonly logMismatch: Counter;
  readonly expiryHeld: Counter;
}

/** `countJobs` is asked at every scrape. */
export function createMetrics(countJobs: () => Promise<Readonly<Record<string, number>>>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: "windrow_jobs",
    help: "Jobs that are not finished, by state",
    labelNames: ["state"],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await countJobs())) this.set({ state }, count);
    },
  });
  return {
    registry,
    staleFence: new Counter({
      name: "windrow_stale_fence_total",
      help: "Writes refused because their lease is over",
      registers,
    }),
    granted: new Counter({
      name: "windrow_granted_total",
      help: "Jobs granted to agents",
      labelNames: ["pool"],
      registers,
    }),
    warmGrants: new Counter({
      name: "windrow_warm_grants_total",
      help: "Jobs granted to agents that had worked on the repository before",
      labelNames: ["pool"],
      registers,
    }),
    offerUnanswered: new Counter({
      name: "windrow_offer_unanswered_total",
      help: "Offers that NATS brought no answer to",
      registers,
    }),
    lostAttempts: new Counter({
      name: "windrow_lost_attempts_total",
      help: "Attempts whose agent never came back",
      registers,
    }),
    wrongTokens: new Counter({
      name: "windrow_wrong_tokens_total",
      help: "Requests with a token that is wrong, expired or revoked",
      labelNames: ["outcome"],
      registers,
    }),
    agentClones: new Counter({
      name: "windrow_agent_clones_total",
      help: "Times two processes showed the credential of one agent at once",
      registers,
    }),
    sessionsOpen: new Gauge({ name: "windrow_sessions_open", help: "Agents connected to this controller", registers }),
    natsConnected: new Gauge({
      name: "windrow_nats_connected",
      help: "1 while this controller is connected to NATS, 0 while it is not, or has none",
      registers,
    }),
    queueWaitSeconds: new Histogram({
      name: "windrow_queue_wait_seconds",
      help: "From queued to granted",
      labelNames: ["pool"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120, 600, 3600],
      registers,
    }),
    dispatchPassSeconds: new Histogram({
      name: "windrow_dispatch_pass_seconds",
      help: "One look at the queue of one pool",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers,
    }),
    logBytes: new Counter({ name: "windrow_log_bytes_total", help: "Log bytes made durable", registers }),
    logMismatch: new Counter({
      name: "windrow_log_mismatch_total",
      help: "Streams whose bytes differed from their seal",
      registers,
    }),
    expiryHeld: new Counter({
      name: "windrow_expiry_held_total",
      help: "Times the loss of most of a pool was held back",
      registers,
    }),
  };
}
