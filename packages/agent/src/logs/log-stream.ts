import { createHash } from "node:crypto";
import type { StreamName, StreamSeal } from "@windrow/model";
import { LOG_CHUNK_BYTES_MAX } from "@windrow/wire";
import { chunkBuffers } from "./chunk-buffers.ts";
import { type CommandLine, createCommandScanner } from "./command-scanner.ts";
import type { JobLogLimit } from "./job-log-limit.ts";
import { createRawParts } from "./raw-parts.ts";
import { createRedactor, type Mask } from "./redactor.ts";
import { createStreamLimiter } from "./stream-limiter.ts";

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
  /** Of what the job may store; without it everything is stored. */
  readonly limit?: JobLogLimit;
  /** Secrets known when the stream began. */
  readonly masks: readonly Mask[];
  /** Called for each workflow command in the raw bytes, before any byte of its line is shipped. */
  readonly onCommand?: (command: CommandLine) => void;
  /** Called once with all raw bytes in order, after the commands in them. */
  readonly onScanned?: (raw: Buffer, rawOffset: number) => void;
}

/**
 * One stream on its way from its raw parts to chunks: read, scanned for commands, redacted, hashed. Nothing is kept in
 * memory but one piece: whoever does not ask for the next chunk leaves the bytes in the file.
 */
export interface LogStream {
  readonly stream: StreamName;
  /** What the next process writes, or has written; the one before must have ended. */
  addFile(path: string): void;
  /** The process's bytes end here. */
  endFile(lengthBytes: number): void;
  /** Lines of the agent's own, between the outputs of processes. */
  addText(text: string): void;
  /** There may be new bytes in the file. */
  touch(): void;
  /** Nothing is added any more. */
  end(): void;
  readonly isEnded: boolean;
  /** Reads ahead for commands, through everything that has its end, however far shipping is. */
  scanEnded(): Promise<void>;
  /** Raw bytes that were scanned: a mask that another stream announced holds here from this offset on. */
  readonly scannedBytes: number;
  /** A secret that holds from this raw offset on. */
  addMask(mask: Mask): void;
  /** The next bytes, or undefined when there are none now. The last chunk carries `end`. */
  next(): Promise<ShippedChunk | undefined>;
  /** Known when the last chunk was given out. */
  readonly seal: StreamSeal | undefined;
  /** Begins again from the first part; bytes before `offset` (as shipped) are counted and not given out. */
  rewind(offset: number): void;
  close(): Promise<void>;
}

const NOTHING: Buffer = Buffer.alloc(0);

export function createLogStream(options: LogStreamOptions): LogStream {
  const { stream, onCommand, onScanned } = options;
  const masks: Mask[] = [...options.masks];
  const scanner = onCommand === undefined ? undefined : createCommandScanner(onCommand);
  const parts = createRawParts();
  let isEnded = false;
  let isScanned = scanner === undefined;
  let mayHaveMore = true;
  let state = begin(0);

  function begin(skipBelow: number) {
    const redactor = createRedactor();
    for (const mask of masks) redactor.addMask(mask);
    return {
      redactor,
      limiter: options.limit && createStreamLimiter(options.limit, stream),
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

  function scan(raw: Buffer, offset: number): void {
    if (scanner === undefined || isScanned) return;
    const known = scanner.scannedBytes - offset;
    if (known < raw.length) {
      const fresh = raw.subarray(Math.max(0, known));
      const freshOffset = scanner.scannedBytes;
      scanner.push(fresh);
      onScanned?.(fresh, freshOffset);
    }
    settleScan();
  }

  function settleScan(): void {
    if (scanner === undefined || isScanned || !isEnded || scanner.scannedBytes !== parts.endedBytes) return;
    scanner.end();
    isScanned = true;
  }

  /** Raw bytes that may be shipped: nothing of a command whose line is not complete. */
  async function readSafe(from: number): Promise<Buffer> {
    // Both before the read: what is told while it goes on must not be forgotten, nor taken for something it could know.
    mayHaveMore = false;
    const { endedBytes } = parts;
    const raw = await parts.readAt(from);
    // Rewound meanwhile: what was read says nothing about the bytes that are wanted now.
    if (state.readBytes !== from) return NOTHING;
    // A file cut short by a crash of the machine: what is there is what there is.
    if (raw.length === 0 && from < endedBytes && parts.cutAt(from)) {
      mayHaveMore = true;
      settleScan();
    }
    scan(raw, state.readBytes);
    if (raw.length === 0) return NOTHING;
    const isAllSafe = scanner === undefined || isScanned;
    const safe = isAllSafe ? raw : raw.subarray(0, Math.max(0, scanner.safeBytes - state.readBytes));
    if (safe.length > 0) mayHaveMore = true;
    return safe;
  }

  function truncation(): Pick<StreamSeal, "truncation"> {
    const truncated = state.limiter?.truncation;
    return truncated === undefined ? {} : { truncation: truncated };
  }

  function take(): ShippedChunk | undefined {
    const data = state.outgoing.subarray(0, LOG_CHUNK_BYTES_MAX);
    const offset = state.shippedBytes;
    const end = state.isLast && data.length === state.outgoing.length;
    if (data.length === 0 && !end) return undefined;
    state.hash.update(data);
    state.shippedBytes += data.length;
    state.outgoing = state.outgoing.subarray(data.length);
    if (end) seal = { stream, lengthBytes: state.shippedBytes, sha256: state.hash.digest("hex"), ...truncation() };
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

  const store = (redacted: Buffer): Buffer => state.limiter?.take(redacted) ?? redacted;

  const storeLast = (): Buffer[] => [store(state.redactor.end()), state.limiter?.end() ?? NOTHING];

  return {
    stream,
    addFile(path) {
      parts.addFile(path);
      mayHaveMore = true;
    },
    endFile(lengthBytes) {
      parts.endFile(lengthBytes);
      mayHaveMore = true;
    },
    addText(text) {
      if (text === "") return;
      parts.addText(text);
      mayHaveMore = true;
    },
    touch() {
      mayHaveMore = true;
    },
    end() {
      isEnded = true;
      mayHaveMore = true;
      settleScan();
    },
    get isEnded() {
      return isEnded;
    },
    async scanEnded() {
      while (scanner !== undefined && !isScanned && scanner.scannedBytes < parts.endedBytes) {
        const offset = scanner.scannedBytes;
        const raw = await parts.readAt(offset);
        // Shipping may have scanned on while this was read.
        if (raw.length > 0) scan(raw, offset);
        else if (scanner.scannedBytes === offset && !parts.cutAt(offset)) return;
      }
      // A last line without its end is one all the same.
      if (!isScanned) scanner?.end();
    },
    get scannedBytes() {
      return scanner?.scannedBytes ?? 0;
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
        if (!mayHaveMore && !isEnded) return undefined;
        const current = state;
        const raw = await readSafe(current.readBytes);
        // Rewound meanwhile: what was read belongs to the past.
        if (state !== current) continue;
        state.readBytes += raw.length;
        const stored = store(state.redactor.push(raw));
        const whole = isFullSize(raw) ? Buffer.from(raw.buffer) : undefined;
        state.isLast = isEnded && state.readBytes >= parts.endedBytes && isScanned;
        state.outgoing = state.isLast ? joined([stored, ...storeLast()]) : stored;
        const isInWhole = state.outgoing.buffer === raw.buffer;
        state.whole = isInWhole ? whole : undefined;
        if (whole !== undefined && !isInWhole) chunkBuffers.giveBack(whole);
        if (raw.length === 0 && !state.isLast && !mayHaveMore) return undefined;
      }
      return undefined;
    },
    get seal() {
      return seal;
    },
    rewind(offset) {
      state = begin(offset);
      seal = undefined;
      mayHaveMore = true;
    },
    close: () => parts.close(),
  };
}

function joined(parts: readonly Buffer[]): Buffer {
  const [first = NOTHING, ...others] = parts.filter(({ length }) => length > 0);
  return others.length === 0 ? first : Buffer.concat([first, ...others]);
}

/** Read into a buffer of the stock. */
const isFullSize = (raw: Buffer): boolean => raw.buffer.byteLength === LOG_CHUNK_BYTES_MAX;
