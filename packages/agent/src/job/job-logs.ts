import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { StreamName } from "@windrow/model";
import type { LogShipper } from "../logs/log-shipper.ts";
import { createLogStream, type LogStream } from "../logs/log-stream.ts";
import { createRedactor } from "../logs/redactor.ts";
import { watchSpool } from "../logs/watch-spool.ts";
import { createStepCommands, JOB_MASKS_BYTES_MAX, JOB_MASKS_MAX } from "./step-commands.ts";

export interface JobLogsOptions {
  /** Where the attempt's output is spooled, the agent's own folder. */
  readonly spoolDir: string;
  readonly shipper: LogShipper;
  /** Known before the first step. */
  readonly masks: readonly Uint8Array[];
  /** What steps announced to an earlier process of the agent. */
  readonly earlierMasks: readonly { readonly stepNo: number; readonly bytes: Uint8Array }[];
  /** A step announced a secret. */
  readonly onMask: (stepNo: number, bytes: Buffer) => void;
}

/** One step's log on its way. */
export interface StepLog {
  /** The step's output ends here. Resolves with what it set by command, when all of it was read. */
  endAt(rawBytes: number): Promise<ReadonlyMap<string, string>>;
  /** As `endAt`, at whatever the spool holds: for a step that did not end properly. */
  endWithSpool(): Promise<void>;
  /** Nothing more is read here: another process will. */
  leave(): void;
}

/** The streams of one attempt: `system`, and one for each step that ran. */
export interface JobLogs {
  /** One line of the `system` stream; secrets known by now are redacted. */
  say(line: string): void;
  /** `isLive`: the step may still write. Masks of earlier steps must be known. */
  beginStep(stepNo: number, spoolPath: string, isLive: boolean): StepLog;
  /** A text for people, without the secrets known by now. */
  redact(text: string): string;
  /** Whether a secret known by now stands in the text. */
  holdsSecret(text: string): boolean;
  /** Nothing more will be said. */
  endSystem(): void;
}

/** One line of the agent's own; longer ones are cut. */
const LINE_CHARS_MAX = 4_000;

export function createJobLogs(options: JobLogsOptions): JobLogs {
  const { spoolDir, shipper } = options;
  /**
   * By the step that announced it; -1: known before the first one. A stream is redacted with what was known when its step
   * began, and finds its own anew: shipped again, it must be the same bytes.
   */
  const masks = new Map<string, { readonly stepNo: number; readonly bytes: Uint8Array }>();
  /** Of the agent's own lines. */
  const redactor = createRedactor();
  let announcedCount = 0;
  let announcedBytes = 0;
  for (const bytes of options.masks) remember(-1, bytes);
  for (const { stepNo, bytes } of options.earlierMasks) remember(stepNo, bytes);
  const path = join(spoolDir, "system.log");
  const file = openSync(path, "a", 0o600);
  // Lines are redacted when they are written: later masks do not change what was shipped.
  const system = createLogStream({ stream: "system", path, masks: [] });
  shipper.add(system);
  let isEnded = false;

  function remember(stepNo: number, bytes: Uint8Array): "new" | "known" | "too_many" {
    const key = Buffer.from(bytes).toString("latin1");
    const known = masks.get(key);
    if (known === undefined && stepNo >= 0) {
      if (announcedCount >= JOB_MASKS_MAX || announcedBytes + bytes.length > JOB_MASKS_BYTES_MAX) return "too_many";
      announcedCount++;
      announcedBytes += bytes.length;
    }
    if (known === undefined || known.stepNo > stepNo) masks.set(key, { stepNo, bytes });
    if (known === undefined) redactor.addMask({ bytes, fromOffset: 0 });
    return known === undefined ? "new" : "known";
  }

  function redactWhole(text: string): Buffer {
    return Buffer.concat([redactor.push(Buffer.from(text)), redactor.end()]);
  }

  function say(line: string): void {
    if (isEnded) return;
    writeSync(file, redactWhole(`${line.slice(0, LINE_CHARS_MAX)}\n`));
    system.touch();
    shipper.wake();
  }

  return {
    say,
    redact: (text) => redactWhole(`${text}\n`).toString("utf8").slice(0, -1),
    holdsSecret(text) {
      const whole = Buffer.from(text);
      return [...masks.values()].some(({ bytes }) => bytes.length > 0 && whole.includes(Buffer.from(bytes)));
    },
    beginStep(stepNo, spoolPath, isLive) {
      const commands = createStepCommands({
        onMask(bytes, fromOffset) {
          const verdict = remember(stepNo, bytes);
          if (verdict === "too_many") return false;
          stream.addMask({ bytes, fromOffset });
          if (verdict === "new") options.onMask(stepNo, bytes);
          return true;
        },
        onRefused: (message) => say(`Step ${stepNo + 1}: ${message}`),
      });
      const stream: LogStream = createLogStream({
        stream: streamName(stepNo),
        path: spoolPath,
        masks: [...masks.values()].filter((mask) => mask.stepNo < stepNo).map((mask) => mask.bytes),
        onCommand: (command) => commands.take(command),
      });
      shipper.add(stream);
      const stopWatching = isLive ? watchSpool(spoolPath, changed) : () => {};
      function changed(): void {
        stream.touch();
        shipper.wake();
      }
      return {
        leave: stopWatching,
        async endAt(rawBytes) {
          stopWatching();
          stream.endAt(rawBytes);
          shipper.wake();
          await stream.scanToEnd();
          shipper.wake();
          return commands.outputs;
        },
        async endWithSpool() {
          stopWatching();
          stream.endAt(sizeOf(spoolPath));
          await stream.scanToEnd();
          shipper.wake();
        },
      };
    },
    endSystem() {
      if (isEnded) return;
      isEnded = true;
      system.endAt(fstatSync(file).size);
      closeSync(file);
      shipper.wake();
    },
  };
}

const streamName = (stepNo: number): StreamName => `${stepNo}`;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
