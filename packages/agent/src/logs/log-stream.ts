import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, read as readFile, readSync } from "node:fs";
import { promisify } from "node:util";
import type { StreamName, StreamSeal } from "@windrow/model";
import { hasCode } from "@windrow/service";
import { LOG_CHUNK_BYTES_MAX } from "@windrow/wire";
import { chunkBuffers } from "./chunk-buffers.ts";
import { type CommandLine, createCommandScanner } from "./command-scanner.ts";
import { createRedactor, type Mask } from "./redactor.ts";

/** Bytes of one stream as they are shipped. */
export interface ShippedChunk {
  readonly offset: number;
  readonly data: Buffer;
  readonly end: boolean;
  /** To be called when the bytes are needed no more. */
  readonly release?: () => void;
}

export interface LogStreamOptions {
  readonly stream: StreamName;
  /** The raw bytes, appended by somebody else; may not exist yet. */
  readonly path: string;
  /** Secrets known when the stream began. */
  readonly masks: readonly Uint8Array[];
  /** Called for each workflow command in the raw bytes, before any byte of its line is shipped. */
  readonly onCommand?: (command: CommandLine) => void;
}

/**
 * One stream on its way from its raw file to chunks: read, scanned for commands, redacted, hashed. Nothing is kept in
 * memory but one piece: whoever does not ask for the next chunk leaves the bytes in the file.
 */
export interface LogStream {
  readonly stream: StreamName;
  /** There may be new bytes in the file. */
  touch(): void;
  /** The raw bytes end here; told once. */
  endAt(rawBytes: number): void;
  readonly isEnded: boolean;
  /** Reads ahead for commands, up to the end, however far shipping is. */
  scanToEnd(): Promise<void>;
  /** A secret that holds from this raw offset on. */
  addMask(mask: Mask): void;
  /** The next bytes, or undefined when there are none now. The last chunk carries `end`. */
  next(): Promise<ShippedChunk | undefined>;
  /** Known when the last chunk was given out. */
  readonly seal: StreamSeal | undefined;
  readonly rawBytes: number;
  /** Begins again from the file; bytes before `offset` (as shipped) are counted and not given out. */
  rewind(offset: number): void;
  close(): Promise<void>;
}

const NOTHING: Buffer = Buffer.alloc(0);
const READ_AT_ONCE_BYTES_MAX = 64 * 1024;
const readInBackground = promisify(readFile);

export function createLogStream(options: LogStreamOptions): LogStream {
  const { stream, path, onCommand } = options;
  const masks: Mask[] = options.masks.map((bytes) => ({ bytes, fromOffset: 0 }));
  const scanner = onCommand === undefined ? undefined : createCommandScanner(onCommand);
  let file: number | undefined;
  let isClosed = false;
  let reading: Promise<unknown> | undefined;
  let rawEnd: number | undefined;
  let isScanned = scanner === undefined;
  let mayHaveMore = true;
  let state = begin(0);

  function begin(skipBelow: number) {
    const redactor = createRedactor();
    for (const mask of masks) redactor.addMask(mask);
    return {
      redactor,
      hash: createHash("sha256"),
      readBytes: 0,
      shippedBytes: 0,
      skipBelow,
      outgoing: NOTHING,
      /** The buffer of the stock that all of `outgoing` lies in. */
      whole: undefined as Buffer | undefined,
      isLast: false,
    };
  }
  let seal: StreamSeal | undefined;

  async function readAt(offset: number): Promise<Buffer> {
    if (!isClosed) file ??= openIfThere(path);
    if (file === undefined) return NOTHING;
    const endBytes = Math.min(fstatSync(file).size, rawEnd ?? Number.POSITIVE_INFINITY);
    const wanted = Math.min(LOG_CHUNK_BYTES_MAX, endBytes - offset);
    if (wanted <= 0) return NOTHING;
    // A few lines come from the page cache sooner than another thread could be woken for them.
    const isSmall = wanted <= READ_AT_ONCE_BYTES_MAX;
    const buffer = isSmall ? Buffer.allocUnsafe(wanted) : chunkBuffers.take();
    const bytesRead = isSmall
      ? readSync(file, buffer, 0, wanted, offset)
      : await readLater(file, buffer.subarray(0, wanted), offset);
    return buffer.subarray(0, bytesRead);
  }

  async function readLater(from: number, buffer: Buffer, offset: number): Promise<number> {
    const done = readInBackground(from, buffer, 0, buffer.length, offset);
    const before = reading;
    reading = Promise.allSettled([before, done]);
    return (await done).bytesRead;
  }

  function scan(raw: Buffer, offset: number): void {
    if (scanner === undefined || isScanned) return;
    const known = scanner.scannedBytes - offset;
    if (known < raw.length) scanner.push(raw.subarray(Math.max(0, known)));
    if (scanner.scannedBytes === rawEnd) {
      scanner.end();
      isScanned = true;
    }
  }

  /** Raw bytes that may be shipped: nothing of a command whose line is not complete. */
  async function readSafe(from: number): Promise<Buffer> {
    const raw = await readAt(from);
    // Rewound meanwhile: what was read says nothing about the bytes that are wanted now.
    if (state.readBytes !== from) return NOTHING;
    if (raw.length === 0) {
      // A file cut short by a crash of the machine: what is there is what there is.
      if (rawEnd !== undefined && state.readBytes < rawEnd) rawEnd = state.readBytes;
      mayHaveMore = false;
    }
    scan(raw, state.readBytes);
    if (scanner === undefined || isScanned) return raw;
    const safe = raw.subarray(0, Math.max(0, scanner.safeBytes - state.readBytes));
    if (safe.length === 0) mayHaveMore = false;
    return safe;
  }

  function take(): ShippedChunk | undefined {
    const data = state.outgoing.subarray(0, LOG_CHUNK_BYTES_MAX);
    const offset = state.shippedBytes;
    const end = state.isLast && data.length === state.outgoing.length;
    if (data.length === 0 && !end) return undefined;
    state.hash.update(data);
    state.shippedBytes += data.length;
    state.outgoing = state.outgoing.subarray(data.length);
    if (end) seal = { stream, lengthBytes: state.shippedBytes, sha256: state.hash.digest("hex") };
    const whole = state.whole;
    const isWhole = state.outgoing.length === 0 && whole !== undefined && data.buffer === whole.buffer;
    state.whole = undefined;
    if (state.shippedBytes <= state.skipBelow && !end) {
      if (isWhole) chunkBuffers.giveBack(whole);
      return undefined;
    }
    const skipped = Math.min(data.length, Math.max(0, state.skipBelow - offset));
    const chunk = { offset: offset + skipped, data: data.subarray(skipped), end };
    return isWhole ? { ...chunk, release: () => chunkBuffers.giveBack(whole) } : chunk;
  }

  return {
    stream,
    touch() {
      mayHaveMore = true;
    },
    endAt(rawBytes) {
      rawEnd ??= rawBytes;
      mayHaveMore = true;
    },
    get isEnded() {
      return rawEnd !== undefined;
    },
    async scanToEnd() {
      while (scanner !== undefined && !isScanned && rawEnd !== undefined) {
        const offset = scanner.scannedBytes;
        const raw = await readAt(offset);
        if (raw.length === 0) rawEnd = scanner.scannedBytes;
        // Shipping may have scanned on while this was read.
        scan(raw, offset);
      }
    },
    addMask(mask) {
      masks.push(mask);
      state.redactor.addMask(mask);
    },
    async next() {
      while (seal === undefined) {
        const chunk = take();
        if (chunk !== undefined) return chunk;
        if (state.outgoing.length > 0) continue;
        if (!mayHaveMore && rawEnd === undefined) return undefined;
        const current = state;
        const raw = await readSafe(current.readBytes);
        // Rewound meanwhile: what was read belongs to the past.
        if (state !== current) continue;
        state.readBytes += raw.length;
        const redacted = state.redactor.push(raw);
        state.whole = isFullSize(raw) && redacted.buffer === raw.buffer ? Buffer.from(raw.buffer) : undefined;
        state.isLast = rawEnd !== undefined && state.readBytes >= rawEnd && isScanned;
        state.outgoing = state.isLast ? joined(redacted, state.redactor.end()) : redacted;
        if (raw.length === 0 && !state.isLast && !mayHaveMore) return undefined;
      }
      return undefined;
    },
    get seal() {
      return seal;
    },
    get rawBytes() {
      return rawEnd ?? state.readBytes;
    },
    rewind(offset) {
      state = begin(offset);
      seal = undefined;
      mayHaveMore = true;
    },
    async close() {
      isClosed = true;
      // Not under a read that another thread still does.
      await reading;
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** Read into a buffer of the stock. */
const isFullSize = (raw: Buffer): boolean => raw.buffer.byteLength === LOG_CHUNK_BYTES_MAX;

const joined = (first: Buffer, second: Buffer): Buffer =>
  second.length === 0 ? first : Buffer.concat([first, second]);

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
