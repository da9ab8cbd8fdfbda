import { systemClock } from "@windrow/service";

const LOOK_EVERY_MS = 20;

/**
 * Looks until `look` returns something other than undefined or false, and returns it. Throws, with `what` and the last
 * thing seen, when `withinMs` have passed.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: { withinMs?: number; everyMs?: number; describe?: () => unknown } = {},
): Promise<T> {
  const until = systemClock.monotonicMs() + (options.withinMs ?? 20_000);
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (systemClock.monotonicMs() > until) {
      const last = options.describe === undefined ? "" : ` Last seen: ${JSON.stringify(await options.describe())}`;
      throw new Error(`waited in vain for: ${what}.${last}`);
    }
    await systemClock.sleep(options.everyMs ?? LOOK_EVERY_MS);
  }
}
