import { get, type IncomingMessage } from "node:http";
import { systemClock } from "@windrow/service";
import type { Farm } from "./farm.ts";

export interface SlowReader {
  readonly readBytes: number;
  /** Hangs up; resolves with how many bytes were read. */
  stop(): Promise<number>;
}

/** Follows a job's log as a client that takes so many bytes in a second and no more. */
export function startSlowReader(farm: Farm, options: { jobId: number; bytesPerSecond: number }): SlowReader {
  const over = new AbortController();
  let readBytes = 0;
  const done = follow().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  // whoever stops it meets the error
  done.catch(() => undefined);

  async function follow(): Promise<void> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const url = `${farm.url}/api/v1/jobs/${options.jobId}/logs/follow?stream=0`;
      const headers = { authorization: `Bearer ${farm.adminToken}` };
      get(url, { headers, signal: over.signal }, resolve).once("error", reject);
    });
    answer.once("error", () => undefined);
    if (answer.statusCode !== 200) throw new Error(`the log is not followed: ${answer.statusCode}`);
    while (!over.signal.aborted && !answer.readableEnded) {
      const bytes: unknown = answer.read(Math.min(options.bytesPerSecond, Math.max(1, answer.readableLength)));
      if (bytes instanceof Uint8Array) readBytes += bytes.length;
      await systemClock.sleep(1_000, over.signal);
    }
  }

  return {
    get readBytes() {
      return readBytes;
    },
    async stop() {
      over.abort();
      await done;
      return readBytes;
    },
  };
}
