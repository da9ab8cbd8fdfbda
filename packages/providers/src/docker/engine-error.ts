import { hasCode } from "@windrow/service";
import { ProviderError } from "../provider-error.ts";

/** The engine's HTTP answer to a call that failed; undefined when it gave none. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error ? Reflect.get(error, "statusCode") : undefined;
  return typeof status === "number" ? status : undefined;
}

/** The engine's own words, without what the client puts around them. */
export function wordsOf(error: unknown): string {
  const json: unknown = error instanceof Error ? Reflect.get(error, "json") : undefined;
  const words: unknown = typeof json === "object" && json !== null ? Reflect.get(json, "message") : undefined;
  if (typeof words === "string" && words !== "") return words;
  return error instanceof Error ? error.message : String(error);
}

/** What the engine refuses is a setting; what it cannot do now, or does not hear, passes. */
export function explainEngine(socket: string) {
  return (error: unknown): ProviderError => {
    const status = statusOf(error);
    if (status !== undefined) {
      const retryable = status >= 500 || status === 409 || status === 429;
      return new ProviderError(`Docker at ${socket}: ${wordsOf(error)}`, { retryable, cause: error });
    }
    const retryable = !hasCode(error, "EACCES", "EPERM");
    return new ProviderError(`Docker at ${socket} does not answer: ${wordsOf(error)}`, { retryable, cause: error });
  };
}
