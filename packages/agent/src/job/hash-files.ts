import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SlotUser } from "@windrow/backends";

/** One call may take so long. It is waited for: no other job of the agent goes on meanwhile. */
export const HASH_MS_MAX = 20_000;
const MEMORY_MIB_MAX = 512;
/** Where the process writes its answer. */
export const ANSWER_FD = 3;
const ANSWER_BYTES_MAX = 64 * 1024;

export interface HashFilesOptions {
  readonly workspaceDir: string;
  readonly patterns: readonly string[];
  /** Whose files may be read; the agent's own when absent. */
  readonly user?: SlotUser | undefined;
  readonly msMax?: number;
}

/** What the process is told on its standard input. */
export interface HashFilesTask {
  readonly workspaceDir: string;
  readonly patterns: readonly string[];
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

const SCRIPT = fileURLToPath(new URL("./hash-files-process.ts", import.meta.url));

/**
 * The `hashFiles` of expressions, by the toolkit's own rules for patterns: SHA-256 over the SHA-256 of every file of the
 * workspace that they match; empty when nothing matches. A process of its own does it as the job's user, so that no link
 * in the workspace leads to anything which the job itself could not read. Throws when it takes too long or cannot be done.
 */
export function hashFiles({ workspaceDir, patterns, user, msMax = HASH_MS_MAX }: HashFilesOptions): string {
  const task: HashFilesTask = { workspaceDir, patterns, uid: user?.uid, gid: user?.gid };
  const { status, signal, output, stderr, error } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${MEMORY_MIB_MAX}`, SCRIPT],
    {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      input: JSON.stringify(task),
      // the toolkit talks on the standard output
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      encoding: "utf8",
      timeout: msMax,
      killSignal: "SIGKILL",
      maxBuffer: ANSWER_BYTES_MAX,
    },
  );
  if (status === 0) return output?.[ANSWER_FD] ?? "";
  if (signal === "SIGKILL") throw new Error(`hashFiles(${patterns.join(", ")}) took more than ${msMax} ms`);
  const [why = ""] = (stderr || error?.message || "").trim().split("\n");
  throw new Error(`hashFiles(${patterns.join(", ")}) failed: ${why}`);
}
