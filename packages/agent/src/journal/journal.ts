import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { AttemptId } from "@windrow/model";
import { hasCode, type Logger } from "@windrow/service";
import { type AttemptMemory, foldJournal } from "./attempt-memory.ts";
import { isJournalRecord, type JournalRecord } from "./journal-records.ts";
import { isDiskFull, makeJournalReserve } from "./journal-reserve.ts";

/** The file is written anew, with the held attempts only, when it grows beyond this and twice what they need. */
export const JOURNAL_BYTES_MAX = 8 * 1024 * 1024;

/** Lines that wait in memory for room on a full disk, once the reserve is used up. */
export const JOURNAL_WAITING_MAX = 10_000;

/**
 * Says what runs where, so that an agent that died can go on. Lines are in the kernel's hands when `append` returns:
 * they survive the death of the agent. After `sync` they survive the death of the machine too.
 */
export interface Journal {
  /** What was held when the journal was opened. */
  readonly remembered: ReadonlyMap<AttemptId, AttemptMemory>;
  /**
   * On a full disk the jobs that run go on: their lines go into room that was set aside, then wait in memory. Throws when a
   * new attempt's line, or a secret's, cannot be written whole; then nothing of it stays.
   */
  append(record: JournalRecord): void;
  /** Of the disk's free room, so much is to be set aside again before it counts as free. */
  readonly lackBytes: number;
  /** Writes what waits for room, where there is some. */
  catchUp(): void;
  /** Resolves when everything appended before the call is on the disk; calls that overlap share one flush. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

const flush = promisify(fdatasync);

/** Opens the journal at `path`, or makes it, and drops the lines of attempts that are over. */
export function openJournal(path: string, logger: Logger): Journal {
  const live = new Map<AttemptId, JournalRecord[]>();
  const records = readRecords(path, logger);
  const remembered = foldJournal(records);
  for (const record of records) {
    if (remembered.has(record.attemptId)) keep(record);
  }
  let file = -1;
  let fileBytes = 0;
  let rewriteAtBytes = JOURNAL_BYTES_MAX;
  let flushing: Promise<void> | undefined;
  let nextFlush: Promise<void> | undefined;
  let waiting: Buffer[] = [];
  rewrite();
  const reserve = makeJournalReserve(`${path}.reserve`);

  function keep(record: JournalRecord): void {
    const known = live.get(record.attemptId);
    if (record.kind === "released") live.delete(record.attemptId);
    else if (known === undefined || record.kind === "accepted") live.set(record.attemptId, [record]);
    else known.push(record);
  }

  function rewrite(): void {
    const text = [...live.values()].flat().map(toLine).join("");
    const fresh = openSync(`${path}.new`, "w", 0o600);
    writeFileSync(fresh, text);
    fsyncSync(fresh);
    closeSync(fresh);
    renameSync(`${path}.new`, path);
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
    if (file !== -1) closeSync(file);
    file = openSync(path, "a", 0o600);
    fileBytes = Buffer.byteLength(text);
    waiting = [];
    rewriteAtBytes = Math.max(JOURNAL_BYTES_MAX, 2 * fileBytes);
  }

  /** A full disk may take half of a line: the next one would be lost with it. */
  function writeWhole(line: Buffer): void {
    try {
      for (let written = 0; written < line.length; ) written += writeSync(file, line, written);
    } catch (error) {
      ftruncateSync(file, fileBytes);
      throw error;
    }
    fileBytes += line.length;
  }

  function write(line: Buffer): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      writeWhole(next);
      waiting.shift();
    }
    writeWhole(line);
  }

  /** What a job that runs cannot go on without saying, with the room that was set aside for it. */
  function writeWithReserve(line: Buffer, mayWait: boolean): void {
    try {
      write(line);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (reserve.use()) writeWithReserve(line, mayWait);
      else if (mayWait && waiting.length < JOURNAL_WAITING_MAX) wait(line);
      else throw error;
    }
  }

  function wait(line: Buffer): void {
    if (waiting.length === 0) logger.warn({ path }, "the disk is full: the journal's lines wait in memory");
    waiting.push(line);
  }

  function rewriteIfLarge(): void {
    // Never while a flush holds the descriptor; the next append looks again.
    if (fileBytes <= rewriteAtBytes || flushing !== undefined) return;
    try {
      rewrite();
    } catch (error) {
      logger.warn({ err: error, path }, "the journal cannot be written anew and goes on growing");
      rewriteAtBytes = 2 * fileBytes;
    }
  }

  /** Every line written before the call is part of the flush it answers with, unless that was under way. */
  function startFlush(): Promise<void> {
    flushing ??= flush(file).finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  return {
    remembered,
    append(record) {
      const line = Buffer.from(toLine(record));
      if (record.kind === "accepted") write(line);
      else writeWithReserve(line, record.kind !== "mask");
      keep(record);
      rewriteIfLarge();
    },
    get lackBytes() {
      return reserve.lackBytes;
    },
    catchUp() {
      try {
        write(Buffer.alloc(0));
        reserve.renew();
      } catch (error) {
        if (!isDiskFull(error)) throw error;
      }
    },
    async sync() {
      if (flushing === undefined) return startFlush();
      // The flush under way may have begun before the caller's lines: wait for the one after it, with everybody else.
      nextFlush ??= flushing
        .catch(() => undefined)
        .then(() => {
          nextFlush = undefined;
          return startFlush();
        });
      return nextFlush;
    },
    async close() {
      await (nextFlush ?? flushing);
      if (file !== -1) closeSync(file);
      file = -1;
    },
  };
}

const toLine = (record: JournalRecord): string => `${JSON.stringify(record)}\n`;

function readRecords(path: string, logger: Logger): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (const [index, line] of readText(path).split("\n").entries()) {
    if (line === "") continue;
    const record = parseLine(line);
    if (record === undefined) logger.warn({ path, line: index + 1 }, "journal line is torn, left out");
    else records.push(record);
  }
  return records;
}

function parseLine(line: string): JournalRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJournalRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
