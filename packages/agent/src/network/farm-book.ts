import { isIP } from "node:net";
import type { Clock, Logger } from "@windrow/service";

/** What the farm's names lead to. */
export interface FarmBook {
  /** As of the last look. */
  addresses(): readonly string[];
  /** Looks at what is new, and now and then at all again; a name that cannot be resolved keeps what it led to before. */
  look(): Promise<void>;
}

/** A farm has a handful; more are not walled off one by one. */
const ADDRESSES_MAX = 500;
const LOOK_EVERY_MS = 10_000;

export function createFarmBook(options: {
  /** Names and addresses. */
  readonly list: () => readonly string[];
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}): FarmBook {
  const { list, resolve, clock, logger } = options;
  const known = new Map<string, readonly string[]>();
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  async function lookAt(host: string): Promise<void> {
    if (isIP(host) !== 0) return void known.set(host, [host]);
    try {
      known.set(host, await resolve(host));
    } catch (error) {
      if (known.has(host)) return;
      known.set(host, []);
      logger.warn(
        { err: error, host },
        "a name of the farm's leads nowhere from here; jobs are kept from no address of it",
      );
    }
  }

  return {
    addresses: () => [...new Set(list().flatMap((host) => known.get(host) ?? []))].slice(0, ADDRESSES_MAX),
    async look() {
      const hosts = list();
      for (const host of known.keys()) if (!hosts.includes(host)) known.delete(host);
      const isDue = clock.monotonicMs() - lookedAtMs >= LOOK_EVERY_MS;
      if (isDue) lookedAtMs = clock.monotonicMs();
      await Promise.all(hosts.filter((host) => isDue || !known.has(host)).map(lookAt));
    },
  };
}
