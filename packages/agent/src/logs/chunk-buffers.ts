import { LOG_CHUNK_BYTES_MAX, LOG_WINDOW_BYTES_MAX } from "@windrow/wire";

/** Enough for one window on its way; beyond that buffers are made and left to the garbage collector. */
export const CHUNK_BUFFERS_KEPT_MAX = Math.ceil(LOG_WINDOW_BYTES_MAX / LOG_CHUNK_BYTES_MAX) + 4;

/**
 * Full-size buffers that are used again and again: a log of 100 MB would otherwise leave as much garbage, which the
 * collector finds late because it lies outside its heap.
 */
export interface ChunkBuffers {
  take(): Buffer;
  /** The caller must hold no view of it any more. */
  giveBack(buffer: Buffer): void;
}

export function createChunkBuffers(): ChunkBuffers {
  const kept: Buffer[] = [];
  return {
    take: () => kept.pop() ?? Buffer.allocUnsafeSlow(LOG_CHUNK_BYTES_MAX),
    giveBack(buffer) {
      if (kept.length < CHUNK_BUFFERS_KEPT_MAX) kept.push(buffer);
    },
  };
}

/** One stock for all streams of the process. */
export const chunkBuffers = createChunkBuffers();
