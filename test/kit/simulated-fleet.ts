import type { Farm } from "./farm.ts";
import { Simulator } from "./simulator.ts";
import type { SimulatorLook, SimulatorOrder } from "./simulator-messages.ts";

export interface SimulatedFleetOptions {
  readonly count: number;
  readonly simulators: number;
  /** Sessions are opened over so long, evenly. */
  readonly startOverMs: number;
}

/** Simulated agents in several processes. */
export class SimulatedFleet {
  readonly count: number;
  readonly #simulators: readonly Simulator[];
  readonly #startOverMs: number;

  private constructor({ count, startOverMs }: SimulatedFleetOptions, simulators: readonly Simulator[]) {
    this.count = count;
    this.#simulators = simulators;
    this.#startOverMs = startOverMs;
  }

  /** Starts the processes and has their agents make their keys. */
  static async prepare(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
    const { count, simulators } = options;
    const fleet = new SimulatedFleet(
      options,
      Array.from({ length: simulators }, () => new Simulator()),
    );
    const share = (no: number) => Math.floor((count * (no + 1)) / simulators) - Math.floor((count * no) / simulators);
    try {
      await fleet.#tell((no) => ({ kind: "make keys", count: share(no) }));
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  /** Joins them all; they are not connected yet. */
  join(farm: Farm): Promise<void> {
    return this.#tell((no) => ({
      kind: "join",
      url: farm.url,
      adminToken: farm.adminToken,
      namePrefix: `sim-${no}`,
      labels: ["linux"],
      startOverMs: this.#startOverMs,
    }));
  }

  /** Opens all sessions; resolves when the farm welcomed every agent. */
  start(withinMs: number): Promise<void> {
    return this.#tell(() => ({ kind: "start", withinMs }));
  }

  /** Jobs that begin from now on do not end before `release`. */
  hold(): Promise<void> {
    return this.#tell(() => ({ kind: "hold" }));
  }

  /** Lets held jobs end, each at a moment of its own within `overMs`. */
  release(overMs: number): Promise<void> {
    return this.#tell(() => ({ kind: "release", overMs }));
  }

  /** Of all processes together; the lateness is that of the latest one. */
  async look(): Promise<SimulatorLook> {
    const looks = await Promise.all(this.#simulators.map((simulator) => simulator.look()));
    const sum = (of: (look: SimulatorLook) => number) => looks.reduce((total, look) => total + of(look), 0);
    return {
      welcomeMs: looks.flatMap((look) => look.welcomeMs),
      heartbeatMs: looks.flatMap((look) => look.heartbeatMs),
      idleMs: looks.flatMap((look) => look.idleMs),
      triesCount: sum((look) => look.triesCount),
      connectedCount: sum((look) => look.connectedCount),
      begunCount: sum((look) => look.begunCount),
      finishedCount: sum((look) => look.finishedCount),
      lostCount: sum((look) => look.lostCount),
      faults: looks.flatMap((look) => look.faults),
      lateP99Ms: Math.max(...looks.map((look) => look.lateP99Ms)),
      cpuMs: sum((look) => look.cpuMs),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#simulators.map((simulator) => simulator.stop()));
  }

  async #tell(orderOf: (no: number) => SimulatorOrder): Promise<void> {
    await Promise.all(this.#simulators.map((simulator, no) => simulator.tell(orderOf(no))));
  }
}
