import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";

/** When an agent goes without being asked. */
export interface LeaveRules {
  /** After the first job that it started. */
  readonly isOnce: boolean;
  /** After this long without a job. */
  readonly idleMs: number | undefined;
  /** Takes nothing new after this long, and goes when what it holds is done. */
  readonly uptimeMsMax: number | undefined;
}

export interface LeaveFacts {
  readonly upForMs: number;
  /** Since it was ready and held nothing; undefined while it holds something, or is not ready yet. */
  readonly idleForMs: number | undefined;
  /** Jobs that it started and is done with. */
  readonly doneCount: number;
}

/** Why the agent is to go now; undefined when it is to stay. */
export function decideLeave(rules: LeaveRules, facts: LeaveFacts): string | undefined {
  if (rules.isOnce && facts.doneCount > 0) return "its one job is done";
  if (rules.uptimeMsMax !== undefined && facts.upForMs >= rules.uptimeMsMax) return "it has run for as long as it may";
  if (rules.idleMs !== undefined && (facts.idleForMs ?? -1) >= rules.idleMs)
    return "it had no job for as long as it may";
  return undefined;
}

const LOOK_EVERY_MS = 500;

/** Looks again and again until it is time; `onLeave` is called once. */
export function watchLeave(options: {
  readonly rules: LeaveRules;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the agent is ready, how many attempts it holds, how many jobs it started and is done with. */
  readonly look: () => { readonly isReady: boolean; readonly heldCount: number; readonly doneCount: number };
  readonly onLeave: (reason: string) => void;
}): Loop {
  const { rules, clock, logger } = options;
  const startedMs = clock.monotonicMs();
  let idleSinceMs: number | undefined;
  let hasLeft = false;
  return startLoop({
    name: "leave",
    everyMs: LOOK_EVERY_MS,
    clock,
    logger,
    async runOnce() {
      const { isReady, heldCount, doneCount } = options.look();
      const nowMs = clock.monotonicMs();
      idleSinceMs = isReady && heldCount === 0 ? (idleSinceMs ?? nowMs) : undefined;
      const idleForMs = idleSinceMs === undefined ? undefined : nowMs - idleSinceMs;
      const reason = decideLeave(rules, { upForMs: nowMs - startedMs, idleForMs, doneCount });
      if (reason === undefined || hasLeft) return;
      hasLeft = true;
      logger.info({ reason }, "the agent leaves");
      options.onLeave(reason);
    },
  });
}
