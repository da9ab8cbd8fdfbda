import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { Refusal } from "@windrow/model";
import { WireFault } from "../wire-fault.ts";
import type { WireLogger } from "../wire-logger.ts";
import { toCallEnd } from "./error-table.ts";
import { readMessages } from "./read-messages.ts";

/** What every call of one server shares. */
export interface CallContext {
  readonly logger: WireLogger;
  /**
   * How to end each open stream when the server begins to stop. A set, not listeners of one signal: a signal looks through
   * all it has for every one that comes and goes, and a farm has thousands.
   */
  readonly stops: Set<() => void>;
  readonly isStopping: () => boolean;
}

/** Runs one unary call: bytes → model → `work` → model → bytes, and every throw through the table. */
export async function serveUnary<Q, R>(
  context: CallContext,
  call: ServerUnaryCall<Buffer, Buffer>,
  respond: sendUnaryData<Buffer>,
  work: (request: Q) => Promise<R>,
  codec: { readonly decode: (bytes: Uint8Array) => Q; readonly encode: (reply: R) => Buffer },
): Promise<void> {
  try {
    respond(null, codec.encode(await work(codec.decode(call.request))));
  } catch (error) {
    const end = toCallEnd(error);
    if (end.isBug) context.logger.error({ err: error, call: call.getPath() }, "an agent's call failed");
    respond({ code: end.code, details: end.details, metadata: end.metadata });
  }
}

export interface StreamWork<In, Out> {
  readonly decode: (bytes: Uint8Array) => In;
  readonly encode: (message: Out) => Buffer;
  /** Messages that may wait for a peer that does not read; one more ends the call. */
  readonly unsentMax: number;
  readonly run: (
    messages: AsyncIterable<In>,
    send: (message: Out) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
}

/**
 * Runs one streaming call. The signal aborts when the peer goes, when it does not read, when the server stops, and
 * after `run` is done.
 */
export async function serveStream<In, Out>(
  context: CallContext,
  call: ServerDuplexStream<Buffer, Buffer>,
  work: StreamWork<In, Out>,
): Promise<void> {
  const ending = new AbortController();
  let isOver = false;
  const stop = () => ending.abort(new WireFault("unavailable", "the controller stops"));
  context.stops.add(stop);
  if (context.isStopping()) stop();
  call.once("cancelled", () => ending.abort(new WireFault("cancelled", "the agent's call is gone")));

  const untilWritable = waitForDrain(call, ending.signal);
  const messages = readMessages(call, {
    decode: work.decode,
    signal: ending.signal,
    whyEnded: (error) => reasonOf(ending.signal) ?? (error instanceof Error ? error : undefined),
  });

  const send = (message: Out): Promise<void> => {
    if (isOver || ending.signal.aborted) return Promise.resolve();
    if (call.writableLength >= work.unsentMax) {
      ending.abort(new Refusal("too_many", `the agent has not read ${work.unsentMax} messages`));
      return Promise.resolve();
    }
    return call.write(work.encode(message)) ? Promise.resolve() : untilWritable();
  };

  let failure: unknown;
  try {
    await work.run(messages, send, ending.signal);
  } catch (error) {
    failure = error;
  }
  isOver = true;
  context.stops.delete(stop);
  finish();
  ending.abort();

  function finish(): void {
    if (call.cancelled) return;
    const cause = reasonOf(ending.signal) ?? failure;
    if (cause === undefined) {
      call.end();
      return;
    }
    const end = toCallEnd(cause);
    if (end.isBug) context.logger.error({ err: cause, call: call.getPath() }, "an agent's call failed");
    call.emit("error", { code: end.code, details: end.details, metadata: end.metadata });
  }
}

function reasonOf(signal: AbortSignal): Error | undefined {
  return signal.aborted && signal.reason instanceof Error ? signal.reason : undefined;
}

/** One promise for everybody who waits for the same buffer to drain. */
function waitForDrain(call: ServerDuplexStream<Buffer, Buffer>, signal: AbortSignal): () => Promise<void> {
  let draining: Promise<void> | undefined;
  return () => {
    draining ??= new Promise((resolve) => {
      const done = () => {
        call.removeListener("drain", done);
        signal.removeEventListener("abort", done);
        draining = undefined;
        resolve();
      };
      call.on("drain", done);
      signal.addEventListener("abort", done);
    });
    return draining;
  };
}
