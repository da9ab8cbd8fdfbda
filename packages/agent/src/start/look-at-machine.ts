import { findDockerEngine } from "@windrow/backends";
import type { Clock, Logger } from "@windrow/service";
import { type DetectedLabels, detectLabels } from "./detect-labels.ts";
import type { Runner } from "./detect-toolchains.ts";
import { MACHINE_LOOK_EVERY_MS } from "./watch-machine.ts";

/** An engine comes and goes with its service, and asking for it costs two questions. */
export const ENGINE_LOOK_EVERY_MS = 30_000;

/**
 * Looks at the machine: at its tools now and then, at the engine of containers every time. Jobs ask for what is there by
 * the labels `sandbox` and `docker`.
 */
export function createMachineLook(options: {
  readonly runner: Runner;
  readonly configured: readonly string[];
  readonly canSandbox: boolean;
  /** `unix:///…`; undefined: jobs here have no containers. */
  readonly dockerSocket: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}): () => Promise<DetectedLabels> {
  const { runner, configured, canSandbox, dockerSocket, clock, logger } = options;
  let known: { readonly facts: DetectedLabels; readonly atMs: number; readonly hasEngine: boolean } | undefined;
  let lastProblem: string | undefined;

  async function hasEngine(): Promise<boolean> {
    if (dockerSocket === undefined) return false;
    const found = await findDockerEngine(dockerSocket);
    const problem = "problem" in found ? found.problem : undefined;
    if (problem !== lastProblem || known === undefined) {
      if (problem === undefined) logger.info({ ...found }, "jobs can have containers");
      else logger.info({ why: problem }, "jobs here have no containers");
    }
    lastProblem = problem;
    return problem === undefined;
  }

  return async () => {
    const isEngineHere = await hasEngine();
    const nowMs = clock.monotonicMs();
    if (known !== undefined && known.hasEngine === isEngineHere && nowMs - known.atMs < MACHINE_LOOK_EVERY_MS) {
      return known.facts;
    }
    const found = [...(canSandbox ? ["sandbox"] : []), ...(isEngineHere ? ["docker"] : [])];
    const facts = await detectLabels({ configured: [...configured, ...found], ...runner });
    known = { facts, atMs: nowMs, hasEngine: isEngineHere };
    return facts;
  };
}
