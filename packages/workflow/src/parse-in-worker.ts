import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Diagnostic } from "@windrow/model";
import { PARSE_HEAP_MIB_MAX, PARSE_QUEUE_MAX, PARSE_TIMEOUT_MS, PARSE_WALL_FACTOR_MAX } from "./limits.ts";
import type { ParseResult } from "./parse-workflow.ts";

export interface ParseWorkerOptions {
  /** The worker's file; beside this one by default. A bundle names its own. */
  readonly entry?: URL;
  /** A parse that takes more of the worker's own time, in ms, ends the worker, and the file is refused. */
  readonly timeoutMs?: number;
}

export interface ParseWorker {
  /** Never rejects for what stands in a file: limits come back as diagnostics. Rejects after `close`. */
  parse(path: string, text: string): Promise<ParseResult>;
  /** The complaints about a workflow file, an action or the settings, by its path; with the same limits. */
  check(path: string, text: string): Promise<readonly Diagnostic[]>;
  /** Resolves when the worker has ended; parses under way are refused. */
  close(): Promise<void>;
}

interface Waiting {
  readonly path: string;
  readonly text: string;
  readonly isCheck: boolean;
  readonly resolve: (result: ParseResult) => void;
  readonly reject: (error: Error) => void;
}

/** What the worker is sent, one file at a time. */
export interface ToWorker {
  readonly id: number;
  readonly path: string;
  readonly text: string;
  readonly isCheck: boolean;
}

/** What it answers: that it can begin, then one result per file. */
export type FromWorker = { readonly cpuMs: number } & (
  | { readonly ready: true }
  | { readonly id: number; readonly result: ParseResult }
);

/**
 * Parses workflow files in one warm worker thread with a bounded heap and a deadline, because a file comes from
 * strangers and the libraries have no limits of their own. The deadline is of the thread's own time, so that a busy
 * machine refuses no good file; by the clock it is PARSE_WALL_FACTOR_MAX times as long. One file at a time, in order; a
 * worker that dies takes only the file it was parsing with it.
 */
export function createParseWorker({ entry, timeoutMs = PARSE_TIMEOUT_MS }: ParseWorkerOptions = {}): ParseWorker {
  return new WarmParseWorker(entry ?? defaultEntry(), timeoutMs);
}

/** `parse-worker.ts` from source, `parse-worker.js` in a bundle. */
function defaultEntry(): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./parse-worker.${extension}`, import.meta.url);
}

/** Named by its place: a bare name would be looked for from the working directory of the process. */
function sourceLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
}

const LOOK_EVERY_MS_MIN = 10;

class WarmParseWorker implements ParseWorker {
  readonly #entry: URL;
  readonly #timeoutMs: number;
  readonly #queue: Waiting[] = [];
  #worker: Worker;
  #isReady = false;
  #isClosed = false;
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  /** What the worker had used before the present file. */
  #usedBeforeMs = 0;
  #sentAtMs = 0;

  constructor(entry: URL, timeoutMs: number) {
    this.#entry = entry;
    this.#timeoutMs = timeoutMs;
    this.#worker = this.#start();
  }

  parse(path: string, text: string): Promise<ParseResult> {
    return this.#ask({ path, text, isCheck: false });
  }

  async check(path: string, text: string): Promise<readonly Diagnostic[]> {
    return (await this.#ask({ path, text, isCheck: true })).diagnostics;
  }

  #ask(file: Omit<ToWorker, "id">): Promise<ParseResult> {
    const { path } = file;
    if (this.#isClosed) return Promise.reject(new Error("the parse worker is closed"));
    if (this.#queue.length >= PARSE_QUEUE_MAX) {
      return Promise.resolve(
        refuseFile(path, "limit-queue", `more than ${PARSE_QUEUE_MAX} workflow files wait to be read`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...file, resolve, reject });
      // Held until the queue is empty, so that a process does not end before the answer.
      this.#worker.ref();
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const error = new Error("the parse worker is closed");
    this.#current?.reject(error);
    this.#current = undefined;
    for (const waiting of this.#queue.splice(0)) waiting.reject(error);
    await this.#worker.terminate();
  }

  #start(): Worker {
    const isSource = this.#entry.pathname.endsWith(".ts");
    const worker = new Worker(this.#entry, {
      name: "parse-workflow",
      resourceLimits: { maxOldGenerationSizeMb: PARSE_HEAP_MIB_MAX },
      ...(isSource && { execArgv: ["--import", sourceLoader()] }),
    });
    worker.unref();
    worker.on("message", (message: FromWorker) => this.#receive(worker, message));
    worker.on("error", (error) => this.#replace(worker, error));
    return worker;
  }

  #receive(worker: Worker, message: FromWorker): void {
    if (worker !== this.#worker) return;
    this.#usedBeforeMs = message.cpuMs;
    if ("ready" in message) {
      this.#isReady = true;
    } else if (message.id === this.#lastId) {
      this.#finish(message.result);
    }
    this.#next();
  }

  #next(): void {
    if (!this.#isReady || this.#isClosed || this.#current !== undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) {
      this.#worker.unref();
      return;
    }
    this.#current = waiting;
    this.#lastId += 1;
    this.#worker.ref();
    this.#sentAtMs = performance.now();
    this.#timer = setTimeout(() => this.#look(), this.#timeoutMs);
    const { path, text, isCheck } = waiting;
    this.#worker.postMessage({ id: this.#lastId, path, text, isCheck } satisfies ToWorker);
  }

  #finish(result: ParseResult): void {
    clearTimeout(this.#timer);
    this.#current?.resolve(result);
    this.#current = undefined;
  }

  /** The time is up by the clock: has the worker had it? */
  #look(): void {
    const [worker, id] = [this.#worker, this.#lastId];
    const goOn = (leftMs: number): void => {
      if (worker !== this.#worker || id !== this.#lastId || this.#current === undefined) return;
      const isLate = performance.now() - this.#sentAtMs > this.#timeoutMs * PARSE_WALL_FACTOR_MAX;
      if (leftMs <= 0 || isLate) this.#expire();
      else this.#timer = setTimeout(() => this.#look(), Math.max(leftMs, LOOK_EVERY_MS_MIN));
    };
    worker.cpuUsage().then(
      ({ user, system }) => goOn(this.#usedBeforeMs + this.#timeoutMs - (user + system) / 1_000),
      // a worker that ends while it is asked is told of by its own event
      () => goOn(this.#timeoutMs),
    );
  }

  #expire(): void {
    const worker = this.#worker;
    this.#finish(
      refuseFile(
        this.#current?.path ?? "",
        "limit-time",
        `reading the file took longer than the limit of ${this.#timeoutMs} ms`,
      ),
    );
    this.#restart(worker);
  }

  /** The worker died by itself: out of memory while parsing, or it could not start. */
  #replace(worker: Worker, error: unknown): void {
    if (worker !== this.#worker || this.#isClosed) return;
    if (!this.#isReady) {
      // A worker that cannot start would be restarted for ever.
      this.#isClosed = true;
      const cause = new Error("the parse worker cannot start", { cause: error });
      for (const waiting of this.#queue.splice(0)) waiting.reject(cause);
      return;
    }
    const isMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
    this.#finish(
      isMemory
        ? refuseFile(
            this.#current?.path ?? "",
            "limit-memory",
            `reading the file takes more than the limit of ${PARSE_HEAP_MIB_MAX} MiB of memory`,
          )
        : refuseFile(this.#current?.path ?? "", "reader-failed", `the file cannot be read: ${String(error)}`),
    );
    this.#restart(worker);
  }

  #restart(old: Worker): void {
    this.#isReady = false;
    this.#worker = this.#start();
    if (this.#queue.length > 0) this.#worker.ref();
    void old.terminate();
  }
}

function refuseFile(file: string, code: string, message: string): ParseResult {
  const diagnostic: Diagnostic = {
    severity: "error",
    code,
    message,
    hint: "make the file smaller, with fewer aliases and less nesting",
    file,
    line: 1,
    column: 1,
  };
  return { diagnostics: [diagnostic] };
}
