import { closeSync, fstatSync, openSync, read as readFile, readSync } from "node:fs";
import { promisify } from "node:util";
import { hasCode } from "@windrow/service";
import { LOG_CHUNK_BYTES_MAX } from "@windrow/wire";
import { chunkBuffers } from "./chunk-buffers.ts";

/**
 * The raw bytes of one stream: what processes wrote, one after another, each into a file of its own, with lines of the
 * agent's between them. Offsets count through all of it.
 */
export interface RawParts {
  /** Somebody else appends to the file, which may not exist yet. The part before must have ended. */
  addFile(path: string): void;
  /** The file added last ends here. */
  endFile(lengthBytes: number): void;
  addText(text: string): void;
  /** How many bytes have their end: everything before a file that still grows. */
  readonly endedBytes: number;
  /** At most one chunk's worth of the bytes from `offset` on, of one part; empty when there are none now. */
  readAt(offset: number): Promise<Buffer>;
  /** The file with this offset is shorter than was said: it ends here. False when there is no such file. */
  cutAt(offset: number): boolean;
  close(): Promise<void>;
}

type Part =
  | { readonly kind: "file"; readonly path: string; lengthBytes: number | undefined; file?: number | undefined }
  | { readonly kind: "text"; readonly bytes: Buffer };

const NOTHING: Buffer = Buffer.alloc(0);
const READ_AT_ONCE_BYTES_MAX = 64 * 1024;
const readInBackground = promisify(readFile);

export function createRawParts(): RawParts {
  const parts: Part[] = [];
  let isClosed = false;
  let reading: Promise<void> | undefined;

  /** The part that the byte at `offset` belongs to, with the offset of its first byte. */
  function find(offset: number): { readonly part: Part; readonly start: number } | undefined {
    let start = 0;
    for (const part of parts) {
      const length = part.kind === "text" ? part.bytes.length : part.lengthBytes;
      if (length === undefined || offset < start + length) return { part, start };
      start += length;
    }
    return undefined;
  }

  async function readLater(file: number, buffer: Buffer, offset: number): Promise<number> {
    const done = readInBackground(file, buffer, 0, buffer.length, offset);
    const before = reading;
    // Without what they resolve to: a chain of results would hold every buffer for as long as the stream is open.
    reading = Promise.allSettled([before, done]).then(() => undefined);
    return (await done).bytesRead;
  }

  return {
    addFile: (path) => void parts.push({ kind: "file", path, lengthBytes: undefined }),
    endFile(lengthBytes) {
      const last = parts.at(-1);
      if (last?.kind === "file") last.lengthBytes ??= lengthBytes;
    },
    addText: (text) => void parts.push({ kind: "text", bytes: Buffer.from(text) }),
    get endedBytes() {
      let bytes = 0;
      for (const part of parts) bytes += part.kind === "text" ? part.bytes.length : (part.lengthBytes ?? 0);
      return bytes;
    },
    async readAt(offset) {
      const found = find(offset);
      if (found === undefined) return NOTHING;
      const { part, start } = found;
      const from = offset - start;
      if (part.kind === "text") return part.bytes.subarray(from, from + LOG_CHUNK_BYTES_MAX);
      if (!isClosed) part.file ??= openIfThere(part.path);
      if (part.file === undefined) return NOTHING;
      const endBytes = Math.min(fstatSync(part.file).size, part.lengthBytes ?? Number.POSITIVE_INFINITY);
      const wanted = Math.min(LOG_CHUNK_BYTES_MAX, endBytes - from);
      if (wanted <= 0) return NOTHING;
      // A few lines come from the page cache sooner than another thread could be woken for them.
      const isSmall = wanted <= READ_AT_ONCE_BYTES_MAX;
      const buffer = isSmall ? Buffer.allocUnsafe(wanted) : chunkBuffers.take();
      const bytesRead = isSmall
        ? readSync(part.file, buffer, 0, wanted, from)
        : await readLater(part.file, buffer.subarray(0, wanted), from);
      return buffer.subarray(0, bytesRead);
    },
    cutAt(offset) {
      const found = find(offset);
      if (found?.part.kind !== "file" || found.part.lengthBytes === undefined) return false;
      found.part.lengthBytes = offset - found.start;
      return true;
    },
    async close() {
      isClosed = true;
      // Not under a read that another thread still does.
      await reading;
      for (const part of parts) {
        if (part.kind !== "file" || part.file === undefined) continue;
        closeSync(part.file);
        part.file = undefined;
      }
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
