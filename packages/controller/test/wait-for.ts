import { systemClock } from "@windrow/service";

const LOOK_EVERY_MS = 10;

/** Looks until `look` answers something, and returns it. Throws with `what` when `withinMs` have passed. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: { readonly withinMs?: number } = {},
): Promise<T> {
  const until = systemClock.monotonicMs() + (options.withinMs ?? 10_000);
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (systemClock.monotonicMs() > until) throw new Error(`waited in vain for ${what}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}
