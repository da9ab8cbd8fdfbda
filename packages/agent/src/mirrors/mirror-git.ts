import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { SlotUser } from "@windrow/backends";

/** How the agent's own git runs. */
export interface MirrorGitOptions {
  /** PATH of the agent's machine. */
  readonly path: string;
  /** Undefined: the agent's own user, which is not root where jobs have users of their own. */
  readonly user?: SlotUser | undefined;
  /** Ends the process, with all that it started. */
  readonly signal: AbortSignal;
}

export interface MirrorGitCall {
  /** Entered as the user; it is named in no argv, since its name is what keeps other repositories' jobs out. */
  readonly gitDir: string;
  readonly argv: readonly string[];
  /** Settings beside those of every call; they may be secret. */
  readonly settings?: readonly (readonly [name: string, value: string])[];
}

/** Jobs go first. */
const NICE = 5;
const COMPLAINT_CHARS_MAX = 2_000;

/** Of every call: no configuration of the machine or of a person, no hooks, no helpers, http alone. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  // what came is one pack, whose size says whether it is whole
  ["fetch.unpackLimit", "1"],
  ["fetch.writeCommitGraph", "false"],
  ["http.followRedirects", "false"],
  ["safe.directory", "*"],
];

/** Runs one git command of the agent's own in a mirror. Answers how it ended, and what it said of it. */
export function runMirrorGit(
  { path, user, signal }: MirrorGitOptions,
  { gitDir, argv, settings = [] }: MirrorGitCall,
): Promise<{ readonly isDone: boolean; readonly complaint: string }> {
  const all = [...SETTINGS, ...settings];
  const env: NodeJS.ProcessEnv = {
    PATH: path,
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_DIR: ".",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ALLOW_PROTOCOL: "http",
    GIT_CONFIG_COUNT: String(all.length),
  };
  for (const [at, [name, value]] of all.entries()) {
    env[`GIT_CONFIG_KEY_${at}`] = name;
    env[`GIT_CONFIG_VALUE_${at}`] = value;
  }
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve({ isDone: false, complaint: "stopped" });
    const child = spawn("git", argv, {
      ...{ cwd: gitDir, env, detached: true, stdio: ["ignore", "ignore", "pipe"] },
      ...identity,
    });
    const end = () => endGroup(child);
    signal.addEventListener("abort", end, { once: true });
    if (child.pid !== undefined) lower(child.pid);
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT_CHARS_MAX);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", end);
      resolve({ isDone: code === 0, complaint: complaint.trim() });
    });
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, "SIGKILL");
}

/** It may have ended at once. */
function lower(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("ESRCH")) throw error;
  }
}
