import { chmodSync, closeSync, constants, fchmodSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { hasCode } from "@windrow/service";
import { readPaxRecords, readTarHeader, TAR_BLOCK_BYTES, type TarEntry, TarError } from "./tar-entry.ts";

/** Files, folders and links that one tree may have. */
export const TREE_ENTRIES_MAX = 200_000;
const PAX_BYTES_MAX = 1024 * 1024;
/** What the file system says of entries that stand twice, in a file, or under a name too long. */
const TREE_MISTAKES = ["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "EINVAL", "ELOOP"];

/** Takes a tar file piece by piece. */
export interface TarUnpacker {
  push(piece: Uint8Array): void;
  /** Throws TarError when the file is not whole. */
  end(): void;
  /** Closes what is open; for a file that will not come whole. */
  abort(): void;
}

/**
 * Unpacks a tar file below `dir`, which is empty and the agent's own. Everything is readable by everybody and writable by
 * the agent alone. Links that lead out of `dir` are left out, as is what is neither file, folder nor link; a path that
 * leads out makes the whole file wrong. Throws TarError.
 */
export function createTarUnpacker(dir: string): TarUnpacker {
  let held = Buffer.alloc(0);
  let overrides = new Map<string, string>();
  let entriesCount = 0;
  let isOver = false;
  let body:
    | { left: number; padding: number; readonly file: number | undefined; readonly pax: Buffer[] | undefined }
    | undefined;
  const folders = new Set<string>();
  const links = new Set<string>();

  function step(): boolean {
    if (isOver) {
      held = Buffer.alloc(0);
      return false;
    }
    return body === undefined ? takeHeader() : takeBody(body);
  }

  function takeHeader(): boolean {
    if (held.length < TAR_BLOCK_BYTES) return false;
    const block = held.subarray(0, TAR_BLOCK_BYTES);
    held = held.subarray(TAR_BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) {
      isOver = true;
      return true;
    }
    const { type, ...entry } = readTarHeader(block, overrides);
    const isPax = type === "x" || type === "g";
    if (isPax && entry.sizeBytes > PAX_BYTES_MAX) throw new TarError("a pax header of the tar file is too large");
    const padding = (TAR_BLOCK_BYTES - (entry.sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
    const file = isPax ? undefined : make(entry);
    body = { left: entry.sizeBytes, padding, file, pax: type === "x" ? [] : undefined };
    if (!isPax) overrides = new Map();
    return true;
  }

  function takeBody(current: NonNullable<typeof body>): boolean {
    if (current.left > 0) {
      if (held.length === 0) return false;
      const part = held.subarray(0, current.left);
      held = held.subarray(part.length);
      current.left -= part.length;
      current.pax?.push(Buffer.from(part));
      if (current.file !== undefined) writeAll(current.file, part);
      return true;
    }
    if (held.length < current.padding) return false;
    held = held.subarray(current.padding);
    if (current.pax !== undefined) overrides = readPaxRecords(Buffer.concat(current.pax));
    if (current.file !== undefined) closeSync(current.file);
    body = undefined;
    return true;
  }

  /** The open file, when the entry is one. */
  function make(entry: TarEntry): number | undefined {
    try {
      return makeEntry(entry);
    } catch (error) {
      const code = TREE_MISTAKES.find((one) => hasCode(error, one));
      if (code === undefined) throw error;
      throw new TarError(`'${entry.path.slice(0, 200)}' has no place in the tree (${code})`);
    }
  }

  function makeEntry(entry: TarEntry): number | undefined {
    if (++entriesCount > TREE_ENTRIES_MAX) throw new TarError(`the tree has more than ${TREE_ENTRIES_MAX} entries`);
    const path = pathInside(entry.path);
    switch (entry.kind) {
      case "folder":
        makeFolder(path);
        return undefined;
      case "file":
        makeFolder(dirname(path));
        return createFile(join(dir, path), entry.isExecutable ? 0o755 : 0o644);
      case "link":
        if (!leadsInside(path, entry.target)) return undefined;
        makeFolder(dirname(path));
        symlinkSync(entry.target, join(dir, path));
        links.add(path);
        return undefined;
      case "other":
        return undefined;
    }
  }

  /** Nothing is made behind a link: what a tree calls a folder is a folder. */
  function makeFolder(path: string): void {
    if (path === "." || folders.has(path)) return;
    makeFolder(dirname(path));
    if (links.has(path)) throw new TarError(`the tree has both a link and a folder at '${path}'`);
    mkdirSync(join(dir, path));
    chmodSync(join(dir, path), 0o755);
    folders.add(path);
  }

  return {
    push(piece) {
      held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece]);
      while (step());
    },
    end() {
      if (!isOver || body !== undefined) throw new TarError("the tar file is not whole");
    },
    abort() {
      if (body?.file !== undefined) closeSync(body.file);
      body = undefined;
    },
  };
}

/** Whatever the process's umask: jobs read it as other users. */
function createFile(path: string, mode: number): number {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  fchmodSync(file, mode);
  return file;
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function pathInside(path: string): string {
  const inside = normalize(path).replace(/\/$/, "");
  const isOutside = inside.startsWith("/") || inside === ".." || inside.startsWith("../") || path.includes("\0");
  if (isOutside) throw new TarError(`the tree has an entry '${path.slice(0, 200)}' outside of itself`);
  return inside;
}

function leadsInside(path: string, target: string): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
  const end = normalize(join(dirname(path), target));
  return end !== ".." && !end.startsWith("../");
}
