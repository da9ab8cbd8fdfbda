import { BackendFault } from "../backend-fault.ts";

/** Around each record: its length, four bytes. */
const LENGTH_BYTES = 4;
/** The engine cuts lines into pieces of 16 KiB; a record is little more than that. */
const RECORD_BYTES_MAX = 1 << 20;
const NEWLINE = Buffer.from("\n");

/**
 * Reads the file in which the engine's log driver `local` keeps what a container wrote. The engine's own answer to a question
 * for the log is made of the same records, but without the newline at the end of each line that was longer than one piece;
 * the file has all there is to know: of every record whether more of its line follows.
 */
export class LocalLogDecoder {
  #rest: Buffer = Buffer.alloc(0);

  /** What the container wrote, of both streams in the order in which the engine took it. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: Buffer[] = [];
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = bytes.readUInt32BE(at);
      if (length > RECORD_BYTES_MAX) throw damaged();
      const end = at + LENGTH_BYTES + length;
      if (end + LENGTH_BYTES > bytes.length) break;
      if (bytes.readUInt32BE(end) !== length) throw damaged();
      const { line, isWhole } = decodeRecord(bytes.subarray(at + LENGTH_BYTES, end));
      pieces.push(line);
      if (isWhole) pieces.push(NEWLINE);
      at = end + LENGTH_BYTES;
    }
    this.#rest = bytes.subarray(at);
    return Buffer.concat(pieces);
  }
}

interface Field {
  readonly no: number;
  readonly number: number;
  readonly bytes: Buffer;
}

const LINE = 3;
const IS_PARTIAL = 4;
const PARTIAL_FACTS = 5;
const IS_LAST = 1;

function decodeRecord(record: Buffer): { readonly line: Buffer; readonly isWhole: boolean } {
  let line: Buffer = Buffer.alloc(0);
  let isPartial = false;
  let isLast = false;
  for (const { no, number, bytes } of readFields(record)) {
    if (no === LINE) line = bytes;
    else if (no === IS_PARTIAL) isPartial = number !== 0;
    else if (no === PARTIAL_FACTS) isLast = readFields(bytes).some((one) => one.no === IS_LAST && one.number !== 0);
  }
  return { line, isWhole: !isPartial || isLast };
}

/** Fields of a protobuf message, of the two kinds that occur. */
function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = readVarint();
    const no = key >> 3;
    const kind = key & 7;
    if (kind !== 0 && kind !== 2) throw damaged();
    const number = readVarint();
    if (kind === 0) {
      fields.push({ no, number, bytes: Buffer.alloc(0) });
      continue;
    }
    if (at + number > bytes.length) throw damaged();
    fields.push({ no, number: 0, bytes: bytes.subarray(at, at + number) });
    at += number;
  }
  return fields;
}

function damaged(): BackendFault {
  return new BackendFault("spool_failed", "the engine keeps a container's log in a way that is not understood");
}
