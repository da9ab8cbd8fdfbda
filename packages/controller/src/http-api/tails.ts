import type { Job } from "@windrow/contract";
import { createSlots } from "../git/slots.ts";
import type { ApiDeps } from "./api-deps.ts";
import type { EventStream } from "./sse.ts";

/** Attempts whose bytes one connection receives at the same time; the others come when one of these ends. */
export const TAILS_MAX = 64;
const TAILS_WAITING_MAX = 10_000;
const MESSAGE_BYTES_MAX = 48 * 1024;

/** Log bytes of attempts on their way into one answer. */
export interface Tails {
  /** Begins with every attempt of the job that was started and is not sent yet. */
  start(job: Job): void;
  /** Resolves when the bytes of all attempts were sent. Throws what broke one of them. */
  finished(): Promise<void>;
}

export function createTails(
  deps: Pick<ApiDeps, "farm" | "logger">,
  options: {
    readonly have: ReadonlyMap<string, ReadonlyMap<string, number>>;
    readonly stream: EventStream;
    readonly only?: string | undefined;
    /** Where to start in `only` of the first attempt. */
    readonly fromAtFirst?: number;
  },
): Tails {
  const { stream } = options;
  const slots = createSlots({ what: "logs", max: TAILS_MAX, lineMax: TAILS_WAITING_MAX });
  const running = new Map<string, Promise<void>>();

  return {
    start(job) {
      for (const attempt of job.attempts) {
        if (attempt.started_at === null || running.has(attempt.id)) continue;
        const first = running.size === 0 ? (options.fromAtFirst ?? 0) : 0;
        const from = options.only === undefined ? options.have.get(attempt.id) : new Map([[options.only, first]]);
        const tail = send({ jobId: job.id, attemptId: attempt.id, attemptNo: attempt.no, from: from ?? new Map() });
        tail.catch((error: unknown) => {
          if (!stream.signal.aborted) deps.logger.warn({ err: error, attempt: attempt.id }, "a log tail broke");
        });
        running.set(attempt.id, tail);
      }
    },
    async finished() {
      await Promise.all(running.values());
    },
  };

  async function send(tail: {
    readonly jobId: number;
    readonly attemptId: string;
    readonly attemptNo: number;
    readonly from: ReadonlyMap<string, number>;
  }): Promise<void> {
    const giveBack = await slots.take(stream.signal);
    try {
      const { jobId, attemptId, attemptNo, from } = tail;
      for await (const chunk of deps.farm.tailLog({ attemptId, stream: options.only, from, signal: stream.signal })) {
        for (let at = 0; at < chunk.bytes.length; at += MESSAGE_BYTES_MAX) {
          const part = chunk.bytes.subarray(at, at + MESSAGE_BYTES_MAX);
          await stream.send("log", {
            job_id: jobId,
            attempt_id: attemptId,
            attempt_no: attemptNo,
            stream: chunk.stream,
            offset: chunk.offset + at,
            bytes: Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("base64"),
          });
        }
        if (stream.signal.aborted) return;
      }
    } finally {
      giveBack();
    }
  }
}
