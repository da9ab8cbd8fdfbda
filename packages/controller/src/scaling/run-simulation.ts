import { setImmediate } from "node:timers/promises";
import { createSimulation, Refusal, type SimulationOptions, type SimulationResult } from "@windrow/model";
import type { Clock } from "@windrow/service";

/** So long other work of the process waits for its turn. */
const PART_MS = 10;
const SIMULATION_MS_MAX = 20_000;

/** Replays a history in small parts. Throws `too_large` when it takes too long. */
export async function runSimulation(
  options: SimulationOptions,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SimulationResult> {
  const simulation = createSimulation(options);
  const untilMs = clock.monotonicMs() + SIMULATION_MS_MAX;
  let partUntilMs = clock.monotonicMs() + PART_MS;
  while (!simulation.run(1)) {
    const nowMs = clock.monotonicMs();
    if (nowMs < partUntilMs) continue;
    signal.throwIfAborted();
    if (nowMs > untilMs) {
      throw new Refusal("too_large", "replaying this history takes too long", { hint: "replay a shorter time" });
    }
    await setImmediate();
    partUntilMs = clock.monotonicMs() + PART_MS;
  }
  return simulation.result();
}
