import { closeSync, existsSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import type { StepPart } from "../journal/journal-records.ts";
import type { AnnotationList } from "./annotation-list.ts";
import type { JobLogs } from "./job-logs.ts";
import type { CommandsSaid } from "./step-commands.ts";
import type { StepStream } from "./step-stream.ts";

export interface StepLogOptions {
  readonly logs: JobLogs;
  readonly stepNo: number;
  /** Where a process's output is spooled. */
  readonly spoolPath: (backendNo: number) => string;
  /** Of an earlier process of the agent that began this step. */
  readonly masksCount: number | undefined;
}

/** The log of one step with a note of what is in it, so that it can be shipped again. Its stream begins with the first of it. */
export interface StepLog {
  readonly annotations: AnnotationList;
  readonly parts: readonly StepPart[];
  addText(text: string): void;
  beginProcess(backendNo: number, options: { readonly allowsUnsecure: boolean }): StepProcessLog;
  /** What is said while the image of a process is got, before the process begins; a file beside its output. */
  beginImage(backendNo: number): ImageLog;
  /** What an earlier process of the agent got. */
  addImageAgain(backendNo: number): void;
  /** What an earlier process of the agent has seen to its end. */
  addAgain(parts: readonly StepPart[]): Promise<void>;
  /** Whatever a process wrote that did not end properly. */
  addSpool(backendNo: number): Promise<void>;
  end(): void;
}

export interface StepProcessLog {
  endAt(rawBytes: number): Promise<CommandsSaid>;
  endWithSpool(): Promise<void>;
  leave(): void;
}

export interface ImageLog {
  say(line: string): void;
  /** Nothing more is said. Idempotent. */
  end(): Promise<void>;
  leave(): void;
}

export function createStepLog({ logs, stepNo, spoolPath, masksCount }: StepLogOptions): StepLog {
  const annotations = logs.listAnnotations();
  // Secrets that are announced from now on belong to later bytes, however late the first byte comes.
  const knownCount = masksCount ?? logs.masksCount;
  const parts: StepPart[] = [];
  let opened: StepStream | undefined;
  const stream = () => {
    opened ??= logs.openStream(stepNo, annotations, knownCount);
    return opened;
  };

  const imagePath = (backendNo: number) => `${spoolPath(backendNo)}-image`;

  function addText(text: string): void {
    if (text === "") return;
    stream().addText(text);
    parts.push({ kind: "text", text });
  }

  return {
    annotations,
    parts,
    addText,
    beginProcess(backendNo, { allowsUnsecure }) {
      const log = stream().beginProcess(spoolPath(backendNo), { isLive: true, allowsUnsecure });
      return {
        leave: log.leave,
        endWithSpool: log.endWithSpool,
        endAt(rawBytes) {
          parts.push({ kind: "process", backendNo, rawBytes });
          return log.endAt(rawBytes);
        },
      };
    },
    async addAgain(again) {
      for (const part of again) {
        if (part.kind === "text") {
          addText(part.text);
          continue;
        }
        parts.push(part);
        const path = part.kind === "image" ? imagePath(part.backendNo) : spoolPath(part.backendNo);
        // What it set by command is known; nothing is refused a second time.
        const options = { isLive: false, allowsUnsecure: true };
        await stream().beginProcess(path, options).endAt(part.rawBytes);
      }
    },
    addImageAgain(backendNo) {
      const path = imagePath(backendNo);
      const rawBytes = statSync(path, { throwIfNoEntry: false })?.size;
      if (rawBytes === undefined) return;
      parts.push({ kind: "image", backendNo, rawBytes });
      void stream().beginProcess(path, { isLive: false, allowsUnsecure: false }).endAt(rawBytes);
    },
    beginImage(backendNo) {
      const path = imagePath(backendNo);
      const file = openSync(path, "a", 0o600);
      const log = stream().beginProcess(path, { isLive: true, allowsUnsecure: false });
      let isOver = false;
      return {
        say(line) {
          if (!isOver) writeSync(file, `${line}\n`);
        },
        async end() {
          if (isOver) return;
          isOver = true;
          const rawBytes = fstatSync(file).size;
          closeSync(file);
          parts.push({ kind: "image", backendNo, rawBytes });
          await log.endAt(rawBytes);
        },
        leave() {
          if (isOver) return;
          isOver = true;
          closeSync(file);
          log.leave();
        },
      };
    },
    async addSpool(backendNo) {
      const options = { isLive: false, allowsUnsecure: true };
      const image = imagePath(backendNo);
      if (existsSync(image)) await stream().beginProcess(image, options).endWithSpool();
      await stream().beginProcess(spoolPath(backendNo), options).endWithSpool();
    },
    end: () => opened?.end(),
  };
}
