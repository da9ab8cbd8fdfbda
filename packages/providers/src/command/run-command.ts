import { spawn } from "node:child_process";
import { hasCode } from "@windrow/service";
import { ProviderError } from "../provider-error.ts";

export const COMMAND_OUTPUT_BYTES_MAX = 1_048_576;
const STDERR_CHARS_MAX = 500;
/** After it was asked to end, before it is made to. */
const END_GRACE_MS = 5_000;
/** For its output to be read once it has ended. */
const CLOSE_WAIT_MS = 1_000;
/** EX_CONFIG of sysexits.h: the command says that trying again is of no use. */
const EXIT_CONFIG = 78;

/**
 * Runs an admin's command, without a shell, in a process group of its own, and answers what it wrote to stdout. Throws
 * ProviderError when it cannot be started, ends with another code than 0, writes too much or is ended by `signal`.
 */
export async function runCommand(options: {
  /** For people: `the pool's create command`. */
  readonly what: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { what, command, environment, signal } = options;
  const [program, ...argv] = command;
  if (program === undefined) throw new ProviderError(`${what} is empty`, { retryable: false });
  // one that is aborted already tells nobody any more
  signal.throwIfAborted();
  const child = spawn(program, argv, {
    cwd: "/",
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  let outBytes = 0;
  let tail = "";
  let isEnding = false;
  let killer: NodeJS.Timeout | undefined;
  let closer: NodeJS.Timeout | undefined;
  const end = () => {
    isEnding = true;
    endGroup(child.pid, "SIGTERM");
    killer ??= setTimeout(() => endGroup(child.pid, "SIGKILL"), END_GRACE_MS);
  };
  child.stdout.on("data", (chunk: Buffer) => {
    outBytes += chunk.length;
    if (outBytes <= COMMAND_OUTPUT_BYTES_MAX) out.push(chunk);
    else end();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    tail = (tail + chunk).slice(-STDERR_CHARS_MAX);
  });
  signal.addEventListener("abort", end, { once: true });
  try {
    const ended = await new Promise<{ code: number | null; by: NodeJS.Signals | null }>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, by) => resolve({ code, by }));
      // what it left in the background may hold its output open for ever
      child.once("exit", (code, by) => {
        closer = setTimeout(() => resolve({ code, by }), CLOSE_WAIT_MS);
      });
    });
    signal.throwIfAborted();
    if (outBytes > COMMAND_OUTPUT_BYTES_MAX) {
      throw new ProviderError(`${what} wrote more than ${COMMAND_OUTPUT_BYTES_MAX} bytes`, { retryable: false });
    }
    if (ended.code === 0) return Buffer.concat(out).toString("utf8");
    const how = ended.by === null ? `ended with code ${ended.code}` : `was ended by ${ended.by}`;
    throw new ProviderError(`${what} ${how}${tail.trim() === "" ? "" : `: ${tail.trim()}`}`, {
      retryable: ended.code !== EXIT_CONFIG,
    });
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EACCES", "ENOEXEC")) throw error;
    throw new ProviderError(`${what} cannot be started: ${program}: ${error instanceof Error ? error.message : ""}`, {
      retryable: false,
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", end);
    clearTimeout(killer);
    // what it started may have outlived it
    if (isEnding) endGroup(child.pid, "SIGKILL");
    clearTimeout(closer);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
