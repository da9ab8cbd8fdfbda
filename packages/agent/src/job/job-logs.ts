import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import type { JobLogLimit } from "../logs/job-log-limit.ts";
import type { LogShipper } from "../logs/log-shipper.ts";
import { createLogStream } from "../logs/log-stream.ts";
import { createRedactor } from "../logs/redactor.ts";
import { watchSpool } from "../logs/watch-spool.ts";
import { type AnnotationList, createAnnotationList } from "./annotation-list.ts";
import type { JobMatchers } from "./job-matchers.ts";
import { type AnnouncedMask, createMaskBook } from "./mask-book.ts";
import { openStepStream, type StepStream } from "./step-stream.ts";

export interface JobLogsOptions {
  /** Where the attempt's output is spooled, the agent's own folder. */
  readonly spoolDir: string;
  readonly shipper: LogShipper;
  /** Known before the first step. */
  readonly masks: readonly Uint8Array[];
  /** What steps announced to an earlier process of the agent, in order. */
  readonly earlierMasks: readonly AnnouncedMask[];
  /** What the steps' streams may store together. */
  readonly limit: JobLogLimit;
  /** A step announced a secret. */
  readonly onMask: (mask: AnnouncedMask) => void;
}

/** The streams of one attempt: `system`, and one for each step that ran. */
export interface JobLogs {
  /** One line of the `system` stream; secrets known by now are redacted. */
  say(line: string): void;
  /**
   * Begins a step's stream. `masksCount`: how many secrets had been announced when the step began; shipped again, it must
   * be the same bytes.
   */
  openStream(stepNo: number, annotations: AnnotationList, masksCount: number): StepStream;
  /** An empty list for one step's remarks. */
  listAnnotations(): AnnotationList;
  /** How many secrets steps have announced up to now. */
  readonly masksCount: number;
  /** Must be told before the first step runs; without it commands that name matchers are not obeyed. */
  useMatchers(matchers: JobMatchers): void;
  /** A text for people, without the secrets known by now. */
  redact(text: string): string;
  /** Whether a secret known by now stands in the text. */
  holdsSecret(text: string): boolean;
  /** Nothing more will be said. */
  endSystem(): void;
}

/** Later ones are dropped: the disk is full, and the first say why. */
const WAITING_LINES_MAX = 200;

/** One line of the agent's own; longer ones are cut. */
const LINE_CHARS_MAX = 4_000;

export function createJobLogs(options: JobLogsOptions): JobLogs {
  const { spoolDir, shipper, limit } = options;
  const book = createMaskBook(options);
  /** Of the agent's own lines. */
  const redactor = createRedactor();
  book.onNew((bytes) => redactor.addMask({ bytes, fromOffset: 0 }));
  const path = join(spoolDir, "system.log");
  const file = openSync(path, "a", 0o600);
  // Lines are redacted when they are written: later masks do not change what was shipped.
  const system = createLogStream({ stream: "system", masks: [] });
  system.addFile(path);
  shipper.add(system);
  let isEnded = false;
  /** Lines that a full disk had no room for; said before the next one. */
  let waiting: string[] = [];
  let matchers: JobMatchers | undefined;

  function redactWhole(text: string): Buffer {
    return Buffer.concat([redactor.push(Buffer.from(text)), redactor.end()]);
  }

  function say(line: string): void {
    if (isEnded) return;
    // First redacted, then cut: nobody knows half of a secret for one.
    waiting.push(`${redact(line).slice(0, LINE_CHARS_MAX)}\n`);
    writeWaiting();
    system.touch();
    shipper.wake();
  }

  /** A job does not end because nothing could be said of it. */
  function writeWaiting(): void {
    try {
      for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
        const bytes = Buffer.from(line);
        const written = writeSync(file, bytes);
        if (written < bytes.length) waiting[0] = bytes.subarray(written).toString("utf8");
        else waiting.shift();
      }
    } catch (error) {
      if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
      waiting = waiting.slice(0, WAITING_LINES_MAX);
    }
  }

  const redact = (text: string) => redactWhole(`${text}\n`).toString("utf8").slice(0, -1);

  return {
    say,
    redact,
    holdsSecret: (text) => book.holdsSecret(text),
    get masksCount() {
      return book.announcedCount;
    },
    useMatchers(given) {
      matchers = given;
    },
    listAnnotations: () => createAnnotationList(redact),
    openStream: (stepNo, annotations, masksCount) =>
      openStepStream({
        stepNo,
        annotations,
        masksCount,
        book,
        shipper,
        limit,
        matchers: () => matchers,
        watchSpool,
        sizeOf,
      }),
    endSystem() {
      if (isEnded) return;
      isEnded = true;
      writeWaiting();
      system.endFile(fstatSync(file).size);
      system.end();
      closeSync(file);
      shipper.wake();
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
