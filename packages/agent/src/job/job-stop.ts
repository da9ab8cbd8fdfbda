import type { GraceSequence } from "@windrow/backends";
import type { Clock } from "@windrow/service";
import type { HeldAttempt } from "../leases/held-attempt.ts";

/** Why a job is made to end before its steps are done. */
export type StopKind = "cancelled" | "timed_out" | "given_back" | "disk_limit";

/** How long steps that run although the job was stopped (`always()`, `cancelled()`) may take together. */
export const AFTER_STOP_MS_MAX = 5 * 60_000;

/** Being given back must be quick: somebody waits for the agent to stop. */
const GIVE_BACK_GRACE: GraceSequence = { interruptMs: 2_000, terminateMs: 1_000 };

/** The end of one job that somebody asked for: a person, its timeout, its limit of disk, or the agent that stops. */
export interface JobStop {
  readonly kind: StopKind | undefined;
  readonly grace: GraceSequence;
  /** Ends the steps that began before the stop. */
  readonly stopped: AbortSignal;
  /** Ends every step; no other may begin. */
  readonly halted: AbortSignal;
  /** Takes the timers back. */
  release(): void;
}

export function watchJobStop(options: {
  readonly attempt: HeldAttempt;
  readonly clock: Clock;
  readonly timeoutLeftMs: number;
  readonly grace: GraceSequence;
}): JobStop {
  const { attempt, clock } = options;
  const stopping = new AbortController();
  const halting = new AbortController();
  const released = new AbortController();
  let kind: StopKind | undefined;

  function stop(next: StopKind): void {
    if (kind === undefined || next === "given_back") kind = next;
    stopping.abort(kind);
    // what a job over its limit does next may take more
    if (next === "given_back" || next === "disk_limit") halting.abort(kind);
    else void haltLater();
  }
  async function haltLater(): Promise<void> {
    await clock.sleep(AFTER_STOP_MS_MAX, released.signal);
    if (!released.signal.aborted) halting.abort(kind);
  }
  async function timeOut(): Promise<void> {
    const over = AbortSignal.any([released.signal, stopping.signal]);
    await clock.sleep(Math.min(options.timeoutLeftMs, TIMER_MS_MAX), over);
    if (!over.aborted) stop("timed_out");
  }
  const listen = (signal: AbortSignal, next: StopKind) => {
    if (signal.aborted) stop(next);
    else signal.addEventListener("abort", () => stop(next), { once: true, signal: released.signal });
  };
  listen(attempt.cancelled, "cancelled");
  listen(attempt.givenBack, "given_back");
  listen(attempt.diskExceeded, "disk_limit");
  void timeOut();

  return {
    get kind() {
      return kind;
    },
    get grace() {
      return kind === "given_back" ? GIVE_BACK_GRACE : options.grace;
    },
    stopped: stopping.signal,
    halted: halting.signal,
    release: () => released.abort("released"),
  };
}

/** Node's timers wrap around above this; no job may run so long. */
const TIMER_MS_MAX = 2 ** 31 - 1;
