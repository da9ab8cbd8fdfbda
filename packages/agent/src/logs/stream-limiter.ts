import type { StreamName } from "@windrow/model";
import type { JobLogLimit } from "./job-log-limit.ts";

/** What is stored of the end of a stream that was cut. */
export const KEPT_TAIL_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Lets the first bytes of a stream through, as many as its job's limit has room for, then a line that says so; of the
 * rest it keeps the end, which follows with a line of how much is missing between. Depends on the bytes and the place of
 * the cut alone: shipped again, it is the same.
 */
export interface StreamLimiter {
  /** What may be stored now; a view of `data`, or bytes of its own. */
  take(data: Buffer): Buffer;
  /** The rest; call once, after the last `take`. */
  end(): Buffer;
  /** Known after the end, of a stream of which bytes were left out: where in the stored bytes, and how many there were. */
  readonly truncation: { readonly truncatedAt: number; readonly producedBytes: number } | undefined;
}

export function createStreamLimiter(limit: JobLogLimit, stream: StreamName): StreamLimiter {
  let headBytes = 0;
  let lastByte = NEWLINE;
  let tail: Buffer | undefined;
  let leftOutBytes = 0;
  let isEnded = false;

  const line = (text: string) => Buffer.from(`${lastByte === NEWLINE ? "" : "\n"}[windrow] ${text}\n`);

  function keepTail(data: Buffer): Buffer {
    const before = tail ?? NOTHING;
    const dropCount = Math.max(0, before.length + data.length - KEPT_TAIL_BYTES);
    // Copies: the caller's buffer is used again.
    tail = Buffer.concat([before.subarray(dropCount), data.subarray(Math.max(0, dropCount - before.length))]);
    const isFirst = leftOutBytes === 0 && dropCount > 0;
    leftOutBytes += dropCount;
    return isFirst ? line(REACHED) : NOTHING;
  }

  return {
    take(data) {
      if (tail !== undefined) return keepTail(data);
      const head = data.subarray(0, limit.roomFor(stream, headBytes));
      headBytes += head.length;
      lastByte = head.at(-1) ?? lastByte;
      limit.use(stream, headBytes);
      if (head.length === data.length) return head;
      limit.cut(stream, headBytes);
      const notice = keepTail(data.subarray(head.length));
      return notice.length === 0 ? head : Buffer.concat([head, notice]);
    },
    end() {
      isEnded = true;
      if (tail === undefined || leftOutBytes === 0) return tail ?? NOTHING;
      const missing = `[windrow] ${leftOutBytes} bytes were left out here; the last ${tail.length} follow.\n`;
      return Buffer.concat([Buffer.from(missing), tail]);
    },
    get truncation() {
      if (!isEnded || leftOutBytes === 0) return undefined;
      return { truncatedAt: headBytes, producedBytes: headBytes + leftOutBytes + (tail?.length ?? 0) };
    },
  };
}

const REACHED =
  "The limit of the job's log is reached: the step goes on, and the end of its output follows when it is over.";
