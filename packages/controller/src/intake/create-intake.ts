import { type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import type { PushGate } from "../git/push-gate.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { createPushGate } from "./receive-push.ts";
import { repairPushes } from "./repair-pushes.ts";
import { type StartRunRequest, startRunByHand } from "./start-run.ts";

const REPAIR_EVERY_MS = 2_000;

/** From triggers to runs: pushes through git's hooks, starts by hand, and the repair sweep. */
export interface Intake extends Service {
  readonly gate: PushGate;
  startRun(request: StartRunRequest): Promise<number[]>;
}

export function createIntake(
  deps: BuildPushDeps & { readonly logger: Logger; readonly runUrl: (runId: number) => string },
): Intake {
  let sweep: Loop | undefined;
  return {
    gate: createPushGate(deps),
    startRun: (request) => startRunByHand(deps, request),
    async start() {
      sweep = startLoop({
        name: "repair-pushes",
        everyMs: REPAIR_EVERY_MS,
        clock: deps.clock,
        logger: deps.logger,
        runOnce: () => repairPushes(deps),
      });
    },
    async stop() {
      await sweep?.stop();
    },
  };
}
