import { createHash, type Hash } from "node:crypto";
import type { AttemptId, StreamName } from "@windrow/model";

/** Reads a stream's durable bytes, all of them in order. */
export type ReadDurable = (attemptId: AttemptId, stream: StreamName) => AsyncIterable<Uint8Array>;

/**
 * The running SHA-256 of every stream that is shipped to this controller, over its durable bytes. When another
 * controller received a part of it, the stream is read again from the store.
 */
export interface StreamHashes {
  /** Bytes that became durable at `offset`. */
  add(attemptId: AttemptId, stream: StreamName, offset: number, bytes: Uint8Array): void;
  /** As `digest`, as far as it is known without reading anything. */
  known(attemptId: AttemptId, stream: StreamName, lengthBytes: number): string | undefined;
  /** Hex, when exactly `lengthBytes` are durable; undefined when there are fewer or more. */
  digest(attemptId: AttemptId, stream: StreamName, lengthBytes: number): Promise<string | undefined>;
  /** Of one stream, or of the whole attempt. */
  forget(attemptId: AttemptId, stream?: StreamName): void;
}

const ATTEMPTS_MAX = 5_000;
const EMPTY_SHA256 = createHash("sha256").digest("hex");

interface Running {
  readonly hash: Hash;
  lengthBytes: number;
}

export function createStreamHashes(readDurable: ReadDurable): StreamHashes {
  const attempts = new Map<AttemptId, Map<StreamName, Running>>();

  function streamsOf(attemptId: AttemptId): Map<StreamName, Running> {
    let streams = attempts.get(attemptId);
    if (streams === undefined) {
      streams = new Map();
      attempts.set(attemptId, streams);
      // the oldest is most likely lost; if not, its streams are read again
      for (const oldest of attempts.keys()) {
        if (attempts.size <= ATTEMPTS_MAX) break;
        attempts.delete(oldest);
      }
    }
    return streams;
  }

  async function readAgain(attemptId: AttemptId, stream: StreamName, lengthBytes: number): Promise<string | undefined> {
    const hash = createHash("sha256");
    let length = 0;
    for await (const bytes of readDurable(attemptId, stream)) {
      hash.update(bytes);
      length += bytes.length;
      if (length > lengthBytes) return undefined;
    }
    if (length !== lengthBytes) return undefined;
    // kept, so that a report that is repeated does not read everything again
    streamsOf(attemptId).set(stream, { hash, lengthBytes });
    return hash.copy().digest("hex");
  }

  function known(attemptId: AttemptId, stream: StreamName, lengthBytes: number): string | undefined {
    if (lengthBytes === 0) return EMPTY_SHA256;
    const running = attempts.get(attemptId)?.get(stream);
    return running?.lengthBytes === lengthBytes ? running.hash.copy().digest("hex") : undefined;
  }

  return {
    known,
    add(attemptId, stream, offset, bytes) {
      const streams = streamsOf(attemptId);
      const running = streams.get(stream);
      if (offset === 0) streams.set(stream, { hash: createHash("sha256").update(bytes), lengthBytes: bytes.length });
      else if (running?.lengthBytes === offset) {
        running.hash.update(bytes);
        running.lengthBytes += bytes.length;
      } else streams.delete(stream);
    },
    async digest(attemptId, stream, lengthBytes) {
      return known(attemptId, stream, lengthBytes) ?? readAgain(attemptId, stream, lengthBytes);
    },
    forget(attemptId, stream) {
      if (stream === undefined) attempts.delete(attemptId);
      else attempts.get(attemptId)?.delete(stream);
    },
  };
}
