/** A piece of what a container wrote. */
export interface LogFrame {
  /** 1: its standard output, 2: its standard error. */
  readonly stream: number;
  readonly bytes: Buffer;
}

const HEADER_BYTES = 8;

/** Takes apart the engine's way to send two streams in one: each piece behind which stream, three zeros, and its length. */
export class LogFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** The pieces that are whole now. */
  push(chunk: Buffer): LogFrame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: LogFrame[] = [];
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4);
      if (end > bytes.length) break;
      frames.push({ stream: bytes.readUInt8(at), bytes: bytes.subarray(at + HEADER_BYTES, end) });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}
