import { open } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import type { Diagnostic } from "@windrow/model";
import { createParseWorker, FILE_BYTES_MAX, type ParseWorker } from "@windrow/workflow";

/** What was found in one file. */
export interface LintedFile {
  readonly file: string;
  /** Present where there is something to show of it. */
  readonly text?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Files read and checked at the same time; few, so that thousands of files take little memory. */
const IN_FLIGHT_MAX = 32;
const WORKERS_MAX = 4;
/** A second worker costs a start; it is worth it from here on. */
const FILES_PER_WORKER_MIN = 150;

/**
 * Checks files in parse workers and hands each result over in the order of `files`. With `isStrict` warnings are errors.
 * Never throws for what stands in a file; a file that cannot be read is a diagnostic.
 */
export async function lintFiles(
  files: readonly string[],
  options: { readonly cwd: string; readonly isStrict: boolean; readonly onFile: (linted: LintedFile) => Promise<void> },
): Promise<void> {
  const wanted = Math.ceil(files.length / FILES_PER_WORKER_MIN);
  const workers = Array.from({ length: Math.max(1, Math.min(wanted, WORKERS_MAX, availableParallelism())) }, () =>
    createParseWorker(),
  );
  const inFlight: Promise<PromiseSettledResult<LintedFile>>[] = [];
  const handOver = async () => {
    const settled = await inFlight.shift();
    if (settled?.status === "rejected") throw settled.reason;
    if (settled !== undefined) await options.onFile(settled.value);
  };
  try {
    for (const [index, file] of files.entries()) {
      if (inFlight.length >= IN_FLIGHT_MAX) await handOver();
      const worker = workers[index % workers.length];
      if (worker !== undefined) inFlight.push(settle(lintFile(file, worker, options)));
    }
    while (inFlight.length > 0) await handOver();
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

/** A failure waits for its turn instead of ending the process. */
async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [settled] = await Promise.allSettled([promise]);
  return settled;
}

async function lintFile(
  file: string,
  worker: ParseWorker,
  { cwd, isStrict }: { readonly cwd: string; readonly isStrict: boolean },
): Promise<LintedFile> {
  const read = await readBounded(path.resolve(cwd, file));
  if (typeof read !== "string") return { file, diagnostics: [unreadable(file, read.why)] };
  const found = await worker.check(file, read);
  if (found.length === 0) return { file, diagnostics: [] };
  return { file, text: read, diagnostics: isStrict ? found.map((one) => ({ ...one, severity: "error" })) : found };
}

function unreadable(file: string, why: string): Diagnostic {
  return { severity: "error", code: "unreadable", message: why, file, line: 1, column: 1 };
}

/** The text, at most a little more than the limit, which the check then names; or why there is none. */
async function readBounded(file: string): Promise<string | { readonly why: string }> {
  try {
    await using handle = await open(file);
    if (!(await handle.stat()).isFile()) return { why: "this is not a file" };
    const bytes = Buffer.alloc(FILE_BYTES_MAX + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) return bytes.toString("utf8", 0, length);
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    return { why: code === "ENOENT" ? "there is no such file" : `the file cannot be read (${code})` };
  }
}
