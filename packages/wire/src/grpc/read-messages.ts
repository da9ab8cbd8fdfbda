import type { Readable } from "node:stream";

export interface ReadMessagesOptions<T> {
  readonly decode: (bytes: Uint8Array) => T;
  /** Ends the reading at once. */
  readonly signal: AbortSignal;
  /** Called when no more messages will come; its answer is thrown, undefined ends the iteration normally. */
  readonly whyEnded: (error: unknown) => Error | undefined;
}

/**
 * The messages of one call, read only as fast as they are consumed. Node's own stream iterator is not used because it
 * destroys the stream when the consumer leaves, and a destroyed call cannot send its status any more.
 */
export function readMessages<T>(stream: Readable, options: ReadMessagesOptions<T>): AsyncIterable<T> {
  let isOver = false;
  let failure: unknown;
  let wake = (): void => undefined;
  const finish = (error?: unknown): void => {
    failure ??= error;
    isOver = true;
    wake();
  };
  stream.on("readable", () => wake());
  // A call that the peer dropped looks for a moment like one that it ended: the news of the drop comes in the same turn.
  stream.on("end", () => setImmediate(finish));
  stream.on("close", () => finish());
  stream.on("error", finish);
  options.signal.addEventListener("abort", () => finish(), { once: true });

  async function* read(): AsyncGenerator<T, void, undefined> {
    while (!options.signal.aborted) {
      const bytes: unknown = stream.readable || stream.readableLength > 0 ? stream.read() : null;
      if (bytes instanceof Uint8Array) {
        yield options.decode(bytes);
      } else if (isOver) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    const error = options.whyEnded(failure);
    if (error !== undefined) throw error;
  }

  const messages = read();
  return { [Symbol.asyncIterator]: () => messages };
}
