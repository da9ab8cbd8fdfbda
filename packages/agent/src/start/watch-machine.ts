import { isDeepStrictEqual } from "node:util";
import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";
import type { DetectedLabels } from "./detect-labels.ts";

/** What the farm is told of the machine. */
export type MachineFacts = Pick<DetectedLabels, "labels" | "toolchains">;

/** Looking costs a dozen processes: machines are upgraded seldom, and nobody waits for this. */
export const MACHINE_LOOK_EVERY_MS = 10 * 60_000;

/** Looks at the machine again and again, so that a tool that comes, goes or changes shows without a restart. */
export function watchMachine(options: {
  readonly first: MachineFacts;
  readonly look: () => Promise<MachineFacts>;
  readonly onChange: (facts: MachineFacts) => void;
  readonly everyMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}): Loop {
  const { look, onChange, clock, logger, everyMs = MACHINE_LOOK_EVERY_MS } = options;
  let known = options.first;
  let isFirstPass = true;
  return startLoop({
    name: "toolchains",
    everyMs,
    clock,
    logger,
    async runOnce(signal) {
      // what is known is of just now
      if (isFirstPass) {
        isFirstPass = false;
        return;
      }
      const { labels, toolchains } = await look();
      if (signal.aborted || isDeepStrictEqual({ labels, toolchains }, known)) return;
      known = { labels, toolchains };
      logger.info({ labels, toolchains }, "the machine has changed");
      onChange(known);
    },
  });
}
