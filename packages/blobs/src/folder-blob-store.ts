import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, link, mkdir, open, opendir, stat, unlink } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  type BlobEntry,
  BlobExists,
  BlobNotFound,
  type BlobRange,
  type BlobStore,
  checkBlobKey,
} from "./blob-store.ts";

/** Unfinished writes; a crash leaves them behind, and no key can name them. */
const INCOMING = ".incoming";

/** Blobs as files of one folder, which several controllers may share. Creates the folder. */
export async function createFolderBlobStore(path: string): Promise<BlobStore> {
  const folder = resolve(path);
  const incoming = join(folder, INCOMING);
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  /** Folders known to exist, so that most writes make none. */
  const made = new Set<string>();
  const MADE_MAX = 10_000;

  const pathOf = (key: string): string => join(folder, checkBlobKey(key));

  /** The folder and its name survive a crash of the machine, too: without its name no blob below it would. */
  async function ensureFolder(path: string): Promise<void> {
    if (made.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o700 });
    // also when it was there: who made it may not have come so far yet
    for (let at = path; at !== folder && !made.has(at); at = dirname(at)) await syncFolder(dirname(at));
    if (made.size >= MADE_MAX) made.clear();
    made.add(path);
  }

  /** The data is on disk, under a name nobody reads, before the key exists: a link, unlike a rename, never overwrites. */
  async function publish(draft: string, key: string): Promise<void> {
    const path = pathOf(key);
    const parent = dirname(path);
    await ensureFolder(parent);
    try {
      await link(draft, path);
    } catch (error) {
      if (hasCode(error, "EEXIST")) throw new BlobExists(key, { cause: error });
      if (!hasCode(error, "ENOENT")) throw error;
      // a sweep removed the empty folder meanwhile
      made.delete(parent);
      await ensureFolder(parent);
      await link(draft, path);
    }
    await syncFolder(parent);
  }

  return {
    async put(key, data) {
      checkBlobKey(key);
      const draft = join(incoming, randomUUID());
      try {
        const lengthBytes = data instanceof Uint8Array ? await writeBytes(draft, data) : await writeStream(draft, data);
        await publish(draft, key);
        return { lengthBytes };
      } finally {
        await unlink(draft).catch(ignoreMissing);
      }
    },

    async get(key, range) {
      const file = await openBlob(pathOf(key), key);
      try {
        const { size } = await file.stat();
        const start = Math.min(range?.start ?? 0, size);
        const end = Math.min(range?.end ?? size, size);
        const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
        for (let read = 0; read < bytes.length; ) {
          const { bytesRead } = await file.read(bytes, read, bytes.length - read, start + read);
          if (bytesRead === 0) throw new Error(`blob ${key} shrank while it was read`);
          read += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    },

    async open(key, range) {
      const file = await openBlob(pathOf(key), key);
      return openRange(file, range);
    },

    async delete(key) {
      await unlink(pathOf(key)).catch(ignoreMissing);
    },

    list: (prefix) => listFolder(folder, prefix),
  };
}

function openRange(file: FileHandle, range: BlobRange | undefined): Readable {
  return createReadStream("", {
    fd: file,
    start: range?.start ?? 0,
    ...(range?.end === undefined ? {} : { end: Math.max(range.end - 1, range.start) }),
  });
}

async function openBlob(path: string, key: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw new BlobNotFound(key, { cause: error });
    throw error;
  }
}

async function writeBytes(path: string, data: Uint8Array): Promise<number> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(data);
    await file.datasync();
  } finally {
    await file.close();
  }
  return data.length;
}

async function writeStream(path: string, data: Readable): Promise<number> {
  const sink = createWriteStream(path, { flags: "wx", mode: 0o600, flush: true });
  await pipeline(data, sink);
  return sink.bytesWritten;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* listFolder(folder: string, prefix: string): AsyncGenerator<BlobEntry> {
  // whole folders of the prefix first, so that a sweep of one attempt does not walk the farm
  const base = prefix.includes("/") ? join(folder, prefix.slice(0, prefix.lastIndexOf("/"))) : folder;
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(base, { recursive: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  for await (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const key = relative(folder, path).split(sep).join("/");
    if (key.startsWith(INCOMING) || !key.startsWith(prefix)) continue;
    try {
      const { size, mtime } = await stat(path);
      yield { key, lengthBytes: size, storedAt: mtime };
    } catch (error) {
      ignoreMissing(error);
    }
  }
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, "ENOENT")) throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
