import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { hasCode } from "@windrow/service";
import type { GitEnvironment } from "../git/git-environment.ts";

export interface LimitedGitOptions {
  readonly environment: GitEnvironment;
  readonly gitDir: string;
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  /** No file that git writes may grow larger. */
  readonly fileBytesMax: number;
  /** Added to git's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is printed; ends git when it throws. Without it the output is dropped. */
  readonly onOutput?: (output: Readable) => Promise<void>;
}

/** `timeout`: it took too long; `failed`: git said no, `complaint` for the controller's own log. */
export type GitEnd =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly complaint: string }
  | { readonly kind: "timeout" };

const COMPLAINT_CHARS_MAX = 2_000;
const BLOCK_BYTES = 512;

// "$1" is the limit in blocks; git itself bounds no fetch
const LIMITED = 'ulimit -f "$1" && shift && exec git "$@"';

/** Runs git, in a process group of its own, for so long and so large and no more. Throws what `onOutput` throws. */
export async function runLimitedGit(options: LimitedGitOptions): Promise<GitEnd> {
  const blocks = Math.ceil(options.fileBytesMax / BLOCK_BYTES);
  const child = spawn("/bin/sh", ["-c", LIMITED, "git", String(blocks), "--git-dir", options.gitDir, ...options.argv], {
    env: { ...options.environment.env, ...options.env },
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_CHARS_MAX);
  });
  const closed = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      complaint = error.message;
      resolve(null);
    });
    child.once("close", (code) => resolve(code));
  });
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, options.timeoutMs);
  // Also when the reader throws.
  void closed.then(() => clearTimeout(timer));
  try {
    if (options.onOutput === undefined) child.stdout.resume();
    else await options.onOutput(child.stdout);
  } catch (error) {
    kill();
    await closed;
    if (!isLate) throw error;
  } finally {
    child.stdout.resume();
  }
  const code = await closed;
  if (isLate) return { kind: "timeout" };
  return code === 0 ? { kind: "done" } : { kind: "failed", complaint: complaint.trim() };
}
