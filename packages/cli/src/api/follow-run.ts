import { FOLLOW_HAVE_MAX, FOLLOW_MESSAGES, type FollowMessage, type FollowMessageName } from "@windrow/contract";
import { backoffMs, type Clock } from "@windrow/service";
import { CliError } from "../cli-error.ts";
import type { ApiClient } from "./client.ts";
import { ApiError } from "./response-to-error.ts";
import { createSseParser, type SseEvent } from "./sse-parser.ts";

/** Bytes of a log that were not seen before, in order within their stream. */
export interface FreshLog {
  readonly name: "log";
  readonly jobId: number;
  readonly attemptId: string;
  readonly attemptNo: number;
  readonly stream: string;
  /** Of the first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What a watcher sees: messages as they come, log bytes without gap or repetition, and breaks of the connection. */
export type RunMessage =
  | Exclude<FollowMessage, { name: "log" | "bye" }>
  | FreshLog
  | { readonly name: "disconnected"; readonly detail: string; readonly tryNo: number }
  | { readonly name: "connected" };

export interface FollowRunOptions {
  readonly api: ApiClient;
  readonly runId: number;
  readonly logs: boolean | readonly number[];
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** How long to go on trying while no controller answers. */
  readonly silenceMaxMs?: number;
}

const SILENCE_MAX_MS_DEFAULT = 10 * 60_000;
/** The server sends a comment now and then; a connection that is quieter than this is dead. */
const QUIET_MAX_MS = 45_000;
const RECONNECT = { firstMs: 200, maxMs: 5000, jitter: 0.5 };

/**
 * Follows a run until its end over any number of connections: after a break it says which event and which bytes of every
 * stream it has, so that nothing is lost or doubled. Ends after the `end` message, or when the signal aborts.
 * Errors: ApiError when the farm refuses; CliError `unreachable` after `silenceMaxMs` without an answer.
 */
export async function* followRun(options: FollowRunOptions): AsyncGenerator<RunMessage> {
  const have = new Map<string, { attempt_id: string; stream: string; offset: number }>();
  const silenceMaxMs = options.silenceMaxMs ?? SILENCE_MAX_MS_DEFAULT;
  let after: string | undefined;
  let answeredAtMs = options.clock.monotonicMs();
  let failedTries = 0;
  while (!options.signal?.aborted) {
    let detail = "the connection ended";
    try {
      for await (const event of connect(options, after, [...have.values()])) {
        answeredAtMs = options.clock.monotonicMs();
        if (event === "open") {
          if (failedTries > 0) yield { name: "connected" };
        } else {
          failedTries = 0;
          if (event.id !== undefined) after = event.id;
          const message = decodeMessage(event);
          if (message?.name === "bye") detail = message.data.detail;
          else if (message?.name === "log") {
            const fresh = takeFresh(have, message.data);
            if (fresh !== undefined) yield fresh;
          } else if (message !== undefined) {
            yield message;
            if (message.name === "end") return;
          }
        }
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      const isRefused = error instanceof ApiError && error.status < 500 && error.status !== 429;
      const isTooLong = options.clock.monotonicMs() - answeredAtMs > silenceMaxMs;
      if (isRefused || isTooLong) throw error;
      detail = error instanceof Error ? error.message : String(error);
    }
    if (options.signal?.aborted) return;
    failedTries++;
    yield { name: "disconnected", detail, tryNo: failedTries };
    await options.clock.sleep(backoffMs(failedTries, RECONNECT, Math.random()), options.signal);
  }
}

async function* connect(
  options: FollowRunOptions,
  after: string | undefined,
  have: { attempt_id: string; stream: string; offset: number }[],
): AsyncGenerator<SseEvent | "open"> {
  const quiet = new AbortController();
  const signal = AbortSignal.any([quiet.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  if (have.length > FOLLOW_HAVE_MAX) {
    throw new CliError(`this run has more than ${FOLLOW_HAVE_MAX} log streams; follow one job instead`, {
      code: "too_large",
    });
  }
  const response = await options.api.open(
    "followRun",
    {
      params: { run_id: options.runId },
      body: {
        logs: typeof options.logs === "boolean" ? options.logs : [...options.logs],
        have,
        ...(after === undefined ? {} : { after }),
      },
    },
    { signal },
  );
  yield "open";
  if (response.body === null) return;
  const parser = createSseParser();
  const listen = () => setTimeout(() => quiet.abort(new Error("the connection went silent")), QUIET_MAX_MS);
  let timer = listen();
  try {
    for await (const bytes of response.body) {
      clearTimeout(timer);
      yield* parser.push(bytes);
      timer = listen();
    }
  } finally {
    clearTimeout(timer);
    quiet.abort();
  }
}

/** Messages of names this version does not know are skipped: a newer farm may send more. */
function decodeMessage(event: SseEvent): FollowMessage | undefined {
  if (!isMessageName(event.event)) return undefined;
  const parsed = FOLLOW_MESSAGES[event.event].safeParse(JSON.parse(event.data));
  if (!parsed.success) {
    throw new CliError(`the farm sent a ${event.event} message that was not understood`, {
      code: "bad_answer",
      hint: "Farm and command line may be of different versions; compare with: windrow doctor",
      cause: parsed.error,
    });
  }
  return { name: event.event, data: parsed.data } as FollowMessage;
}

function isMessageName(name: string): name is FollowMessageName {
  return Object.hasOwn(FOLLOW_MESSAGES, name);
}

/** Cuts off what was received before; a gap means that the two sides disagree, and connecting again settles it. */
function takeFresh(
  have: Map<string, { attempt_id: string; stream: string; offset: number }>,
  chunk: Extract<FollowMessage, { name: "log" }>["data"],
): FreshLog | undefined {
  const key = `${chunk.attempt_id}/${chunk.stream}`;
  const at = have.get(key)?.offset ?? 0;
  const bytes = Buffer.from(chunk.bytes, "base64");
  if (chunk.offset > at) throw new Error(`log bytes ${at} to ${chunk.offset} of ${key} are missing`);
  const fresh = bytes.subarray(at - chunk.offset);
  if (fresh.length === 0) return undefined;
  have.set(key, { attempt_id: chunk.attempt_id, stream: chunk.stream, offset: at + fresh.length });
  return {
    name: "log",
    jobId: chunk.job_id,
    attemptId: chunk.attempt_id,
    attemptNo: chunk.attempt_no,
    stream: chunk.stream,
    offset: at,
    bytes: fresh,
  };
}
