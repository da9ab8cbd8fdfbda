import type { Readable } from "node:stream";

/** A key is segments of letters, digits, `-`, `_`, `.` divided by `/`; no segment begins with a dot. */
export type BlobKey = string;

export const BLOB_KEY_CHARS_MAX = 512;
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/**
 * Immutable bytes by key. Keys are unique by the caller's choice (they hold something random), are written once and
 * never change. When `put` resolves the bytes survive a crash of the machine; a `put` that fails leaves nothing that
 * `get` would return. Safe for any number of processes on one store.
 */
export interface BlobStore {
  /** Throws BlobExists when the key was written before. */
  put(key: BlobKey, data: Uint8Array | Readable): Promise<{ readonly lengthBytes: number }>;
  /** The bytes from `start` (inclusive) to `end` (exclusive), or all. Throws BlobNotFound. */
  get(key: BlobKey, range?: BlobRange): Promise<Uint8Array>;
  /** As `get`, without holding more than a buffer of it. Throws BlobNotFound before the first byte. */
  open(key: BlobKey, range?: BlobRange): Promise<Readable>;
  /** Does nothing when there is no such key. */
  delete(key: BlobKey): Promise<void>;
  /** Everything below a prefix, in no order: for sweeps. */
  list(prefix: string): AsyncIterable<BlobEntry>;
}

export interface BlobRange {
  readonly start: number;
  readonly end?: number;
}

export interface BlobEntry {
  readonly key: BlobKey;
  readonly lengthBytes: number;
  readonly storedAt: Date;
}

/** Thrown for a key that nobody wrote, or that was deleted. */
export class BlobNotFound extends Error {
  readonly code = "blob_not_found";

  constructor(key: BlobKey, options: { cause?: unknown } = {}) {
    super(`no blob ${key}`, options);
    this.name = "BlobNotFound";
  }
}

/** Thrown when a key is written twice: keys are unique, so the second is a bug or a collision. */
export class BlobExists extends Error {
  readonly code = "blob_exists";

  constructor(key: BlobKey, options: { cause?: unknown } = {}) {
    super(`blob ${key} exists already`, options);
    this.name = "BlobExists";
  }
}

/** Throws a RangeError for what cannot be a key. */
export function checkBlobKey(key: BlobKey): BlobKey {
  if (key.length > BLOB_KEY_CHARS_MAX || !KEY.test(key)) throw new RangeError(`not a blob key: ${key.slice(0, 100)}`);
  return key;
}
