import type { AttemptId } from "@windrow/model";
import { systemClock } from "@windrow/service";
import type { LeaseHeld } from "@windrow/wire";
import type { FarmDoor } from "./farm-door.ts";
import { SimulatedAgent, type SimulatedRecord } from "./simulated-agent.ts";
import { joinSimulated, makeSimulatedKeys, type SimulatedKeys } from "./simulated-identity.ts";
import { waitFor } from "./wait-for.ts";

export interface SimulatedAgentsOptions {
  readonly count: number;
  /** Each agent's; 1 when not given. */
  readonly slots?: number;
  /** `linux` when not given. */
  readonly labels?: readonly string[];
  readonly pool?: string;
  /** Before the number of each. */
  readonly namePrefix?: string;
  /** How long a job takes; a function is asked for each. 0 when not given. */
  readonly jobMs?: number | (() => number);
  /** False: offers come down the sessions only, as in a farm without NATS. */
  readonly hasNats?: boolean;
  /** Sessions are opened over so long, evenly: a fleet does not come up in one moment. At once when not given. */
  readonly startOverMs?: number;
  /** Made ahead, one for each; made here when not given. */
  readonly keys?: readonly SimulatedKeys[];
}

const JOINS_AT_ONCE = 16;

interface Hold {
  gate: PromiseWithResolvers<void> | undefined;
  releaseOverMs: number;
}

/** Many agents in this process, which speak the real protocols and run nothing. */
export class SimulatedAgents {
  readonly agents: readonly SimulatedAgent[];
  readonly record: SimulatedRecord;
  readonly #hold: Hold;
  readonly #startOverMs: number;

  private constructor(parts: {
    readonly agents: readonly SimulatedAgent[];
    readonly record: SimulatedRecord;
    readonly hold: Hold;
    readonly startOverMs: number;
  }) {
    this.agents = parts.agents;
    this.record = parts.record;
    this.#hold = parts.hold;
    this.#startOverMs = parts.startOverMs;
  }

  /** Joins them all; they are not connected yet. */
  static async join(farm: FarmDoor, options: SimulatedAgentsOptions): Promise<SimulatedAgents> {
    const { count, slots = 1, labels = ["linux"], pool = "default", namePrefix = "sim", jobMs = 0 } = options;
    const record: SimulatedRecord = {
      connectsAt: [],
      welcomesAt: [],
      welcomeMs: [],
      heartbeatMs: [],
      idleMs: [],
      lost: [],
      begun: [],
      finished: [],
      faults: [],
    };
    const hold: Hold = { gate: undefined, releaseOverMs: 0 };
    const work = async (_: LeaseHeld, signal: AbortSignal) => {
      if (hold.gate !== undefined) {
        await Promise.race([hold.gate.promise, aborted(signal)]);
        await systemClock.sleep(Math.random() * hold.releaseOverMs, signal);
      }
      const ms = typeof jobMs === "number" ? jobMs : jobMs();
      if (ms > 0) await systemClock.sleep(ms, signal);
    };
    const { secret: token } = await farm.api<{ secret: string }>("POST", "/api/v1/tokens", {
      body: { kind: "join", name: namePrefix, pool, ttl_seconds: 3600, uses_max: count },
    });
    const agents: SimulatedAgent[] = [];
    for (let from = 1; from <= count; from += JOINS_AT_ONCE) {
      const numbers = Array.from({ length: Math.min(JOINS_AT_ONCE, count - from + 1) }, (_, index) => from + index);
      const made = await Promise.all(
        numbers.map(async (no) => {
          const keys = options.keys?.[no - 1] ?? (await makeSimulatedKeys());
          return joinSimulated(farm, keys, { name: `${namePrefix}-${no}`, token, slots, labels });
        }),
      );
      const hasNats = options.hasNats ?? true;
      for (const identity of made) agents.push(new SimulatedAgent({ identity, slots, labels, record, work, hasNats }));
    }
    return new SimulatedAgents({ agents, record, hold, startOverMs: options.startOverMs ?? 0 });
  }

  /** Opens all sessions; resolves when the farm welcomed every agent. */
  async start(withinMs = 60_000): Promise<void> {
    const pauseMs = this.#startOverMs / this.agents.length;
    for (const [index, agent] of this.agents.entries()) {
      await agent.start();
      if (pauseMs > 0 && index % 10 === 9) await systemClock.sleep(pauseMs * 10);
    }
    await this.allConnected(withinMs);
  }

  get connectedCount(): number {
    return this.agents.filter((agent) => agent.isConnected).length;
  }

  allConnected(withinMs: number): Promise<unknown> {
    return waitFor("every simulated agent to have a session", () => this.connectedCount === this.agents.length, {
      withinMs,
      describe: () => `${this.connectedCount} of ${this.agents.length}`,
    });
  }

  /** Jobs that begin from now on do not end before `release`. */
  holdJobs(): void {
    this.#hold.gate ??= Promise.withResolvers();
  }

  /** Lets held jobs end, each at a moment of its own within `overMs`. */
  release(overMs = 0): void {
    this.#hold.releaseOverMs = overMs;
    this.#hold.gate?.resolve();
    this.#hold.gate = undefined;
  }

  /** Attempts that began and were neither finished nor taken away. */
  get openAttemptIds(): AttemptId[] {
    const over = new Set([...this.record.finished, ...this.record.lost]);
    return this.record.begun.filter((id) => !over.has(id));
  }

  async stop(): Promise<void> {
    this.release();
    await Promise.all(this.agents.map((agent) => agent.stop()));
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
