import { closeSync, openSync, readSync } from "node:fs";
import type { Annotation, StreamName } from "@windrow/model";
import { hasCode } from "@windrow/service";
import type { JobLogLimit } from "../logs/job-log-limit.ts";
import type { LogShipper } from "../logs/log-shipper.ts";
import { createLogStream, type LogStream } from "../logs/log-stream.ts";
import type { AnnotationList } from "./annotation-list.ts";
import type { JobMatchers, MatcherWatch } from "./job-matchers.ts";
import type { MaskBook } from "./mask-book.ts";
import { type CommandsSaid, createStepCommands, type StepCommands } from "./step-commands.ts";

export interface StepStreamOptions {
  readonly stepNo: number;
  readonly annotations: AnnotationList;
  readonly masksCount: number;
  readonly book: MaskBook;
  readonly shipper: LogShipper;
  readonly limit: JobLogLimit;
  readonly matchers: () => JobMatchers | undefined;
  /** Calls back when the file grew, until the answer is called. */
  readonly watchSpool: (path: string, onChange: () => void) => () => void;
  readonly sizeOf: (path: string) => number;
}

/** The log of one step of the plan: what its processes write, one after another, and lines of the agent's between them. */
export interface StepStream {
  /** A piece of the log that the agent writes itself; whole lines. */
  addText(text: string): void;
  /** The next process's output; the one before has ended. `isLive`: it may still write. */
  beginProcess(spoolPath: string, options: { readonly isLive: boolean; readonly allowsUnsecure: boolean }): ProcessLog;
  /** Nothing is added any more. Idempotent. */
  end(): void;
}

/** One process's output on its way. */
export interface ProcessLog {
  /** Ends after so many bytes. Resolves with what it set by command, when all of it was read. */
  endAt(rawBytes: number): Promise<CommandsSaid>;
  /** As `endAt`, at whatever the spool holds: for a process that did not end properly. */
  endWithSpool(): Promise<void>;
  /** Nothing more is read here: another process of the agent will. */
  leave(): void;
}

export function openStepStream(options: StepStreamOptions): StepStream {
  const { stepNo, annotations, book, shipper } = options;
  const onAnnotation = (annotation: Annotation) =>
    annotations.add(fromWorkspace(annotation, options.matchers()?.workspaceNames ?? []));
  let commands: StepCommands | undefined;
  let watch: MatcherWatch | undefined;
  let isOver = false;
  const stream: LogStream = createLogStream({
    stream: streamName(stepNo),
    limit: options.limit,
    masks: book.masksFor(stepNo, options.masksCount),
    onCommand: (command) => commands?.take(command),
    onScanned: (raw, rawOffset) => watch?.push(raw, rawOffset),
  });
  book.open(stepNo, stream);
  shipper.add(stream);

  function beginProcess(
    spoolPath: string,
    { isLive, allowsUnsecure }: { readonly isLive: boolean; readonly allowsUnsecure: boolean },
  ): ProcessLog {
    const matchers = options.matchers();
    const own = createStepCommands({
      onMask: (bytes, fromOffset, form) => book.announce(stepNo, bytes, fromOffset, form),
      onAnnotation,
      onAddMatcher: (path) => matchers?.add(path),
      onRemoveMatcher: (which) => matchers?.remove(which),
      allowsUnsecure,
    });
    commands = own;
    watch = matchers?.watch({ onAnnotation, onTooSlow: (message) => onAnnotation({ level: "warning", message }) });
    stream.addFile(spoolPath);
    const stopWatching = isLive ? options.watchSpool(spoolPath, changed) : () => {};

    function changed(): void {
      stream.touch();
      shipper.wake();
    }

    async function endAt(rawBytes: number): Promise<CommandsSaid> {
      stopWatching();
      stream.endFile(rawBytes);
      before = { spoolPath, rawBytes };
      await stream.scanEnded();
      watch?.end();
      return own.said;
    }

    return {
      endAt,
      async endWithSpool() {
        await endAt(options.sizeOf(spoolPath));
      },
      leave: stopWatching,
    };
  }

  let before: { readonly spoolPath: string; readonly rawBytes: number } | undefined;
  /** What comes after a process, a line of the agent's or another process, begins a line of its own. */
  function beginLine(): void {
    if (before !== undefined && !endsLine(before.spoolPath, before.rawBytes)) stream.addText("\n");
    before = undefined;
  }

  return {
    addText(text) {
      beginLine();
      commands = undefined;
      stream.addText(text);
      shipper.wake();
    },
    beginProcess(spoolPath, process) {
      beginLine();
      return beginProcess(spoolPath, process);
    },
    end() {
      if (isOver) return;
      isOver = true;
      stream.end();
      book.close(stepNo);
      shipper.wake();
    },
  };
}

/** People and programs look for the file in the repository, not on this machine. */
function fromWorkspace(annotation: Annotation, names: readonly string[]): Annotation {
  const { file } = annotation;
  const workspaceDir = names.find((name) => file?.startsWith(`${name}/`));
  if (file === undefined || workspaceDir === undefined) return annotation;
  return { ...annotation, file: file.slice(workspaceDir.length + 1) };
}

const streamName = (stepNo: number): StreamName => `${stepNo}`;

const NEWLINE = 0x0a;

/** Whether the byte before this one ends a line. */
function endsLine(path: string, lengthBytes: number): boolean {
  if (lengthBytes === 0) return true;
  const last = Buffer.alloc(1);
  try {
    const file = openSync(path, "r");
    try {
      return readSync(file, last, 0, 1, lengthBytes - 1) === 0 || last[0] === NEWLINE;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    throw error;
  }
}
