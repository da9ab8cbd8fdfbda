import { createHash } from "node:crypto";
import { type LeaseRef, Refusal } from "@windrow/model";
import type { StartAttemptReply } from "@windrow/wire";
import { AttemptRevoked } from "./leases/held-attempt.ts";
import type { Connection } from "./session/connection.ts";

/** Larger events are not documents of this farm. */
export const EVENT_BYTES_MAX = 64 * 1024 * 1024;

export interface FetchEventOptions {
  readonly connection: Connection;
  readonly lease: Omit<LeaseRef, "sessionNo">;
  readonly start: StartAttemptReply;
  readonly signal: AbortSignal;
}

/**
 * The event's document: as it came with the start, else fetched in pieces. Throws AttemptRevoked when the controller
 * refuses it, and an error when the bytes are not those that the plan names.
 */
export async function fetchEvent({ connection, lease, start, signal }: FetchEventOptions): Promise<string> {
  const digest = start.plan.eventDigest;
  const event = start.event === undefined ? await fetchPieces() : Buffer.from(start.event);
  if (createHash("sha256").update(event).digest("hex") !== digest) {
    throw new Error("the event that the controller sent is not the one that the plan names");
  }
  return event.toString("utf8");

  async function fetchPieces(): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let offset = 0;
    for (;;) {
      const { data, totalBytes } = await ask(offset);
      if (totalBytes > EVENT_BYTES_MAX) throw new Error(`the event has more than ${EVENT_BYTES_MAX} bytes`);
      pieces.push(data);
      offset += data.length;
      if (offset >= totalBytes || data.length === 0) return Buffer.concat(pieces);
    }
  }

  async function ask(offset: number) {
    try {
      return await connection.call(
        ({ client, sessionNo }) => client.fetchDocument({ lease: { ...lease, sessionNo }, digest, offset }, { signal }),
        signal,
      );
    } catch (error) {
      if (error instanceof Refusal) throw new AttemptRevoked(error.message);
      throw error;
    }
  }
}
