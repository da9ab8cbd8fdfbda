import { SEGMENT_BYTES_MAX, segmentBuffers } from "./segment-buffers.ts";

/** Bytes of one stream that wait for their segment. Large chunks are copied at once: what they came in is let go. */
export interface SegmentGatherer {
  readonly lengthBytes: number;
  add(chunk: Uint8Array): void;
  /** The first bytes, at most one segment's; to be given back when they are needed no more. */
  take(): Uint8Array;
  giveBack(taken: Uint8Array): void;
  /** What waits, in order. */
  pieces(): Uint8Array[];
}

/** Smaller chunks are kept as they came: a short log must not hold a whole segment's buffer. */
const LARGE_CHUNK_BYTES = 32 * 1024;

interface Piece {
  readonly bytes: Uint8Array;
  filledBytes: number;
}

export function createSegmentGatherer(): SegmentGatherer {
  const pieces: Piece[] = [];
  let lengthBytes = 0;

  const roomIn = (piece: Piece | undefined): number =>
    piece === undefined ? 0 : piece.bytes.length - piece.filledBytes;

  function copyInto(piece: Piece, bytes: Uint8Array): void {
    piece.bytes.set(bytes, piece.filledBytes);
    piece.filledBytes += bytes.length;
  }

  /** An empty buffer at the end, or one that begins with the small chunks before, if they are all there is. */
  function addBuffer(): Piece {
    const piece: Piece = { bytes: segmentBuffers.take(), filledBytes: 0 };
    const isSmall = lengthBytes <= SEGMENT_BYTES_MAX && pieces.every(({ bytes }) => bytes.length < SEGMENT_BYTES_MAX);
    if (isSmall) for (const { bytes } of pieces.splice(0)) copyInto(piece, bytes);
    pieces.push(piece);
    return piece;
  }

  return {
    get lengthBytes() {
      return lengthBytes;
    },
    add(chunk) {
      let rest = chunk;
      while (rest.length > 0) {
        let last = pieces.at(-1);
        if (roomIn(last) === 0 || last === undefined) {
          if (chunk.length < LARGE_CHUNK_BYTES) {
            pieces.push({ bytes: rest, filledBytes: rest.length });
            lengthBytes += rest.length;
            return;
          }
          last = addBuffer();
        }
        const part = rest.subarray(0, roomIn(last));
        copyInto(last, part);
        lengthBytes += part.length;
        rest = rest.subarray(part.length);
      }
    },
    take() {
      let takenBytes = 0;
      let count = 0;
      for (const { filledBytes } of pieces) {
        if (count > 0 && takenBytes + filledBytes > SEGMENT_BYTES_MAX) break;
        takenBytes += filledBytes;
        count++;
      }
      const taken = pieces.splice(0, count).map(filled);
      lengthBytes -= takenBytes;
      const [only] = taken;
      if (taken.length === 1 && only !== undefined) return only;
      const whole = Buffer.concat(taken);
      for (const bytes of taken) giveBack(bytes);
      return whole;
    },
    giveBack,
    pieces: () => pieces.map(filled),
  };
}

const filled = ({ bytes, filledBytes }: Piece): Uint8Array => bytes.subarray(0, filledBytes);

/** Nothing else that arrives here lies in a buffer of just this size. */
function giveBack({ buffer }: Uint8Array): void {
  if (buffer.byteLength === SEGMENT_BYTES_MAX) segmentBuffers.giveBack(Buffer.from(buffer));
}
