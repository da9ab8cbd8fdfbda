import { setImmediate } from "node:timers/promises";
import { createSimulation, Refusal, type SimulationOptions, type SimulationResult } from "@windrow/model";
import type { Clock } from "@windrow/service";

/** Moments replayed before other work of the process gets its turn. */
const MOMENTS_AT_ONCE = 50;
const SIMULATION_MS_MAX = 20_000;

/** Replays a history in small parts. Throws `too_large` when it takes too long. */
export async function runSimulation(
  options: SimulationOptions,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SimulationResult> {
  const simulation = createSimulation(options);
  const untilMs = clock.monotonicMs() + SIMULATION_MS_MAX;
  while (!simulation.run(MOMENTS_AT_ONCE)) {
    signal.throwIfAborted();
    if (clock.monotonicMs() > untilMs) {
      throw new Refusal("too_large", "replaying this history takes too long", {
        hint: "replay a shorter time: --since 6h",
      });
    }
    await setImmediate();
  }
  return simulation.result();
}
