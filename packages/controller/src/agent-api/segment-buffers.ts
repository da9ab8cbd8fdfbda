/** A segment is cut at this size. */
export const SEGMENT_BYTES_MAX = 1024 * 1024;
/** A segment being written for each of so many streams; beyond that buffers are made and left to the garbage collector. */
const KEPT_MAX = 16;

/** Buffers of a whole segment's size that are used again and again. */
export interface SegmentBuffers {
  take(): Buffer;
  /** The caller must hold no view of it any more. */
  giveBack(buffer: Buffer): void;
}

export function createSegmentBuffers(): SegmentBuffers {
  const kept: Buffer[] = [];
  return {
    take: () => kept.pop() ?? Buffer.allocUnsafeSlow(SEGMENT_BYTES_MAX),
    giveBack(buffer) {
      if (kept.length < KEPT_MAX) kept.push(buffer);
    },
  };
}

/** One stock for all streams of the process. */
export const segmentBuffers: SegmentBuffers = createSegmentBuffers();
