import type { ProviderKind } from "@windrow/model";
import { countMachines, type Database } from "@windrow/store";
import { Counter, Gauge, type Registry } from "prom-client";

/** What is counted about machines. */
export interface MachineMetrics {
  countError(provider: ProviderKind): void;
}

export function createMachineMetrics(registry: Registry, db: Database): MachineMetrics {
  const registers = [registry];
  new Gauge({
    name: "windrow_machines",
    help: "Machines that providers made or are to make, by pool and state, until they are over",
    labelNames: ["pool", "state"],
    registers,
    async collect() {
      this.reset();
      for (const { pool, state, count } of await countMachines(db)) this.set({ pool, state }, count);
    },
  });
  const errors = new Counter({
    name: "windrow_provider_errors_total",
    help: "Calls of a provider of machines that failed",
    labelNames: ["provider"],
    registers,
  });
  return { countError: (provider) => errors.inc({ provider }) };
}
