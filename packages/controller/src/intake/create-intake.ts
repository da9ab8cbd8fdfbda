import { type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import type { RepositoryRow } from "@windrow/store";
import type { PushGate } from "../git/push-gate.ts";
import { repositoryFolder } from "../git/repository-folder.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { deleteTryRefs } from "./delete-try-refs.ts";
import { createPushGate } from "./receive-push.ts";
import { readDefault } from "./remember-default.ts";
import { repairPushes } from "./repair-pushes.ts";
import { startFollowers } from "./start-followers.ts";
import {
  dispatchRepository,
  type RepositoryDispatch,
  type StartedByHand,
  type StartRunRequest,
  startRunByHand,
} from "./start-run.ts";
import { startScheduled } from "./start-scheduled.ts";

const REPAIR_EVERY_MS = 2_000;
/** Well below a minute, so that no tick is missed. */
const SCHEDULES_EVERY_MS = 15_000;
const FOLLOWERS_EVERY_MS = 1_000;
const TRY_REFS_EVERY_MS = 3_600_000;

/** From triggers to runs: pushes through git's hooks, starts by hand, and the repair sweep. */
export interface Intake extends Service {
  readonly gate: PushGate;
  startRun(request: StartRunRequest): Promise<StartedByHand>;
  /** Another branch is the default one: what its files say counts from now on. */
  readDefault(repository: RepositoryRow): Promise<void>;
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
    readDefault: (repository) => readDefault(deps, repository, repositoryFolder(deps.environment.gitDir, repository)),
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
          name: "schedules",
          everyMs: SCHEDULES_EVERY_MS,
          clock,
          logger,
          runOnce: () => startScheduled(deps),
        }),
        startLoop({
          name: "followers",
          everyMs: FOLLOWERS_EVERY_MS,
          clock,
          logger,
          runOnce: () => startFollowers(deps),
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
