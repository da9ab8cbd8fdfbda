import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";

export interface LoopOptions {
  /** As listed in the docs (`loops.md`). */
  readonly name: string;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One pass; must be idempotent. A throw is logged and the next pass happens after the usual delay. */
  readonly runOnce: (signal: AbortSignal) => Promise<void>;
}

/** A running loop: woken or by timer, one pass at a time. */
export interface Loop {
  /** Asks for a pass soon; any number of calls during a pass lead to exactly one more. */
  wake(): void;
  /** Idempotent. When it resolves no pass is running and none will start. */
  stop(): Promise<void>;
}

/** Starts a loop that waits for "woken or timer", runs one pass, and repeats until stopped. */
export function startLoop(options: LoopOptions): Loop {
  const stopping = new AbortController();
  let woken = false;
  let nap: AbortController | undefined;
  const finished = run();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = false;
      try {
        await options.runOnce(stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) options.logger.error({ err: error, loop: options.name }, "pass failed");
      }
      if (woken || stopping.signal.aborted) continue;
      nap = new AbortController();
      await options.clock.sleep(options.everyMs, nap.signal);
      nap = undefined;
    }
  }

  return {
    wake() {
      woken = true;
      nap?.abort();
    },
    async stop() {
      stopping.abort();
      nap?.abort();
      await finished;
    },
  };
}
