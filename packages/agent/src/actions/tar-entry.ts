/** One file, folder or link of a tar file, as its header says. */
export interface TarEntry {
  /** As written; not checked. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
  /** Where a symbolic link leads, as written. */
  readonly target: string;
}

/** Bytes that are no tar file. */
export class TarError extends Error {
  readonly code = "tar";

  constructor(message: string) {
    super(message);
    this.name = "TarError";
  }
}

export const TAR_BLOCK_BYTES = 512;

/** What a pax header says of the entry that follows it. */
export type TarOverrides = ReadonlyMap<string, string>;

/** Reads one header block, with what a pax header before it said. Throws TarError. */
export function readTarHeader(block: Buffer, overrides: TarOverrides): TarEntry & { readonly type: string } {
  const sum = readOctal(block, 148, 8);
  let found = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) found += byte;
  if (sum !== found) throw new TarError("a header of the tar file is damaged");
  const type = String.fromCharCode(block[156] ?? 0);
  const prefix = readText(block, 345, 155);
  const name = readText(block, 0, 100);
  const path = overrides.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`);
  const size = overrides.get("size");
  const sizeBytes = size === undefined ? readOctal(block, 124, 12) : Number(size);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new TarError("a size in the tar file is no number");
  return {
    type,
    path,
    kind: kindOf(type),
    sizeBytes,
    isExecutable: (readOctal(block, 100, 8) & 0o100) !== 0,
    target: overrides.get("linkpath") ?? readText(block, 157, 100),
  };
}

function kindOf(type: string): TarEntry["kind"] {
  if (type === "0" || type === "\0") return "file";
  if (type === "5") return "folder";
  return type === "2" ? "link" : "other";
}

/** The records of a pax header: `LENGTH NAME=VALUE\n`. Throws TarError. */
export function readPaxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString("latin1", at, space));
    const isWhole = space > at && Number.isSafeInteger(length) && length > 0 && at + length <= body.length;
    if (!isWhole) throw new TarError("a pax header of the tar file is damaged");
    const record = body.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

function readText(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

function readOctal(block: Buffer, start: number, length: number): number {
  const text = readText(block, start, length).trim();
  if (!/^[0-7]*$/.test(text)) throw new TarError("a number in the tar file is not octal");
  return text === "" ? 0 : Number.parseInt(text, 8);
}
