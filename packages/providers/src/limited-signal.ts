import { ProviderError } from "./provider-error.ts";

/**
 * Runs one call of a provider with its time limit: `work` gets a signal that aborts when the caller's does or when the time
 * is over. Throws ProviderErrors only: those of `work`, what `explain` makes of other errors, one for each of the two ends.
 */
export async function limited<T>(
  options: {
    /** For people: `making agent-1`. */
    readonly what: string;
    readonly limitMs: number;
    readonly signal: AbortSignal;
    readonly explain: (error: unknown) => ProviderError;
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { what, limitMs, signal } = options;
  const timeout = AbortSignal.timeout(limitMs);
  try {
    signal.throwIfAborted();
    return await work(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (signal.aborted) throw new ProviderError(`${what} was given up`, { retryable: true, cause: error });
    if (timeout.aborted && !(error instanceof ProviderError)) {
      throw new ProviderError(`${what} took longer than ${limitMs / 1_000} s`, { retryable: true, cause: error });
    }
    throw error instanceof ProviderError ? error : options.explain(error);
  }
}
