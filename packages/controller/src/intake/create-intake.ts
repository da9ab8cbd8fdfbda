import { type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import type { PushGate } from "../git/push-gate.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { deleteTryRefs } from "./delete-try-refs.ts";
import { createPushGate } from "./receive-push.ts";
import { repairPushes } from "./repair-pushes.ts";
import {
  dispatchRepository,
  type RepositoryDispatch,
  type StartedByHand,
  type StartRunRequest,
  startRunByHand,
} from "./start-run.ts";

const REPAIR_EVERY_MS = 2_000;
const TRY_REFS_EVERY_MS = 3_600_000;

/** From triggers to runs: pushes through git's hooks, starts by hand, and the repair sweep. */
export interface Intake extends Service {
  readonly gate: PushGate;
  startRun(request: StartRunRequest): Promise<StartedByHand>;
  /** `repository_dispatch`. */
  dispatch(request: RepositoryDispatch): Promise<StartedByHand>;
}

export function createIntake(
  deps: BuildPushDeps & { readonly logger: Logger; readonly runUrl: (runId: number) => string },
): Intake {
  const { clock, logger } = deps;
  let loops: Loop[] = [];
  return {
    gate: createPushGate(deps),
    startRun: (request) => startRunByHand(deps, request),
    dispatch: (request) => dispatchRepository(deps, request),
    async start() {
      loops = [
        startLoop({
          name: "repair pushes",
          everyMs: REPAIR_EVERY_MS,
          clock,
          logger,
          runOnce: () => repairPushes(deps),
        }),
        startLoop({
          name: "try refs",
          everyMs: TRY_REFS_EVERY_MS,
          clock,
          logger,
          runOnce: () => deleteTryRefs(deps),
        }),
      ];
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
