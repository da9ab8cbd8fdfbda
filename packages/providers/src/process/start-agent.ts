import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Clock } from "@windrow/service";
import { ProviderError } from "../provider-error.ts";
import type { MachineFiles } from "./machine-files.ts";
import { readIdentity } from "./process-identity.ts";

/**
 * Writes down which process it is, whole and only if no other has, and becomes the agent: so that whoever asked for it may
 * be killed at any moment, and no two of them run.
 */
const BECOME_AGENT = `set -euf
identity=$1
shift
nth() { printf %s "\${20}"; }
read -r stat < /proc/$$/stat
read -r boot < /proc/sys/kernel/random/boot_id
start=$(nth \${stat##*) })
printf '%s %s %s\\n' "$$" "$start" "$boot" > "$identity.$$"
if ln "$identity.$$" "$identity" 2>/dev/null; then rm -f "$identity.$$"; exec "$@"; fi
rm -f "$identity.$$"
exit 73
`;

const LOOK_EVERY_MS = 10;

/** Starts the agent's process in a session of its own; resolves when some process has written itself down as the machine's. */
export async function startAgentProcess(options: {
  readonly files: MachineFiles;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { files, command, environment, clock, signal } = options;
  const log = openSync(files.logFile, "a", 0o600);
  const ended: { why?: string } = {};
  try {
    const child = spawn("/bin/sh", ["-c", BECOME_AGENT, "windrow-machine", files.identityFile, ...command], {
      cwd: "/",
      env: environment,
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.once("error", (error) => {
      ended.why = error.message;
    });
    child.once("exit", (code, by) => {
      ended.why ??= by === null ? `it ended with code ${code}` : `it was ended by ${by}`;
    });
    child.unref();
  } finally {
    closeSync(log);
  }
  for (;;) {
    const hadEnded = ended.why;
    if ((await readIdentity(files.identityFile)) !== undefined) return;
    if (hadEnded !== undefined) {
      throw new ProviderError(`the agent's process could not be started: ${hadEnded}`, { retryable: true });
    }
    signal.throwIfAborted();
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
