import { systemClock } from "@windrow/service";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import type { EngineProgress } from "./container-engine.ts";
import { readTail } from "./read-tail.ts";

const LOOK_FIRST_MS = 100;
const LOOK_MAX_MS = 1_000;
const SAY_EVERY_MS = 10_000;

/**
 * Waits until the container is healthy, or, where nobody said how that shows, has started. Throws `service_failed` with the
 * last lines of its log when it is unhealthy or has ended.
 */
export async function waitHealthy(container: Docker.Container, name: string, progress: EngineProgress): Promise<void> {
  const { say, signal } = progress;
  const beganMs = systemClock.monotonicMs();
  let saidAtMs = beganMs;
  for (let lookMs = LOOK_FIRST_MS; ; lookMs = Math.min(LOOK_MAX_MS, lookMs * 1.5)) {
    signal.throwIfAborted();
    const { State: state } = await container.inspect({ abortSignal: signal });
    const health = state.Health?.Status ?? "none";
    const seconds = Math.round((systemClock.monotonicMs() - beganMs) / 1_000);
    if (!state.Running) {
      throw await failed(container, `the service ${name} ended with exit code ${state.ExitCode} before the job began`);
    }
    if (health === "healthy") return say(`The service ${name} is healthy after ${seconds} s`);
    if (health === "none" || health === "") return;
    if (health === "unhealthy") throw await failed(container, `the service ${name} is unhealthy`, describeProbe(state));
    if (systemClock.monotonicMs() - saidAtMs >= SAY_EVERY_MS) {
      saidAtMs = systemClock.monotonicMs();
      say(`Waiting for the service ${name} to be healthy (${seconds} s)`);
    }
    await systemClock.sleep(lookMs, signal);
  }
}

async function failed(container: Docker.Container, what: string, probe = ""): Promise<BackendFault> {
  const lines = await readTail(container);
  const words = lines === "" ? "it wrote nothing" : `the last lines of its log:\n${lines}`;
  return new BackendFault("service_failed", `${what}${probe}; ${words}`);
}

function describeProbe(state: Docker.ContainerInspectInfo["State"]): string {
  const last = state.Health?.Log?.at(-1);
  if (last === undefined) return "";
  return ` (its health check ended with exit code ${last.ExitCode}: ${last.Output.trim().slice(0, 500)})`;
}
