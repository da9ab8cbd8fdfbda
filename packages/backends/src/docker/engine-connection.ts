import { Agent } from "node:http";
import { hasCode } from "@windrow/service";
import Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";

/** The engine behind a `unix:///…` address. Throws `engine_failed` for any other: its containers see this machine's folders. */
export function connectDocker(socket: string, options: { readonly answerMsMax?: number } = {}): Docker {
  if (!socket.startsWith("unix:///")) {
    throw new BackendFault("engine_failed", `${socket} is no engine of this machine: its address is unix:///…`);
  }
  return new Docker({
    socketPath: socket.slice("unix://".length),
    // an engine that is stopping ends its containers while it still answers those who are connected, and nobody else
    ...(options.answerMsMax !== undefined && {
      timeout: options.answerMsMax,
      agent: new Agent({ keepAlive: false }),
    }),
  });
}

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

/** What the engine could not do, as a fault of the world unless it is one already, or the caller's own giving up. */
export function explainEngine(what: string, error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof BackendFault) return error;
  if (signal?.aborted) return signal.reason;
  return new BackendFault("engine_failed", `${what}: ${wordsOf(error)}`, { cause: error });
}

/** What is gone, going, or in the wanted state already is no error. */
export async function orGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 304 && status !== 409) throw error;
  }
}

/** Undefined when the engine has no such thing. */
export async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The engine went away in the middle of an answer. */
export function isCutOff(error: unknown): boolean {
  return (
    hasCode(error, "ECONNRESET", "ECONNREFUSED", "ENOENT", "EPIPE") || hasCode(error, "ERR_STREAM_PREMATURE_CLOSE")
  );
}
