import type { Clock } from "@windrow/service";

export const WRONG_TOKENS_MAX = 10;
export const WRONG_TOKENS_WINDOW_MS = 60_000;
const ADDRESSES_MAX = 10_000;

/** Counts wrong tokens by address; all of it is forgotten when the process ends, which is enough for 256-bit secrets. */
export interface WrongTokenLimit {
  isOver(address: string): boolean;
  count(address: string): void;
}

export function createWrongTokenLimit(clock: Clock): WrongTokenLimit {
  const byAddress = new Map<string, { count: number; untilMs: number }>();
  const current = (address: string) => {
    const entry = byAddress.get(address);
    return entry !== undefined && entry.untilMs > clock.monotonicMs() ? entry : undefined;
  };
  return {
    isOver: (address) => (current(address)?.count ?? 0) >= WRONG_TOKENS_MAX,
    count(address) {
      const entry = current(address);
      if (entry !== undefined) {
        entry.count += 1;
        return;
      }
      byAddress.delete(address);
      const [oldest] = byAddress.keys();
      if (byAddress.size >= ADDRESSES_MAX && oldest !== undefined) byAddress.delete(oldest);
      byAddress.set(address, { count: 1, untilMs: clock.monotonicMs() + WRONG_TOKENS_WINDOW_MS });
    },
  };
}
