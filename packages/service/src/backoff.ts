import type { Clock } from "./clock.ts";

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** 1 = the whole delay is random ("full jitter"), 0 = none. */
  readonly jitter?: number;
}

/** Delay before try number `tryNo` (from 1). Pure: `random` is in [0, 1). */
export function backoffMs(tryNo: number, options: BackoffOptions, random: number): number {
  const { firstMs, maxMs, jitter = 1 } = options;
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(tryNo - 1, 30));
  return Math.round(full * (1 - jitter) + full * jitter * random);
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Decides by error; the default retries everything. */
  readonly isRetryable?: (error: unknown) => boolean;
  readonly triesMax?: number;
  readonly onRetry?: (info: { tryNo: number; delayMs: number; error: unknown }) => void;
}

/** Runs `work` until it succeeds, the error is not retryable, tries run out, or `signal` aborts; then throws the last error. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let tryNo = 1; ; tryNo++) {
    try {
      return await work();
    } catch (error) {
      const isLast = options.triesMax !== undefined && tryNo >= options.triesMax;
      if (isLast || options.signal?.aborted || options.isRetryable?.(error) === false) throw error;
      const delayMs = backoffMs(tryNo, options, Math.random());
      options.onRetry?.({ tryNo, delayMs, error });
      await options.clock.sleep(delayMs, options.signal);
      if (options.signal?.aborted) throw error;
    }
  }
}
