import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config-error.ts";

const TRIES_MAX = 5;

/** Keeps two agents out of one folder. A lock of a process that is gone counts for nothing. Throws `ConfigError`. */
export function lockAgentFolder(agentDir: string): void {
  const path = join(agentDir, "agent.pid");
  const draft = `${path}.${process.pid}`;
  const aside = `${draft}.old`;
  writeFileSync(draft, `${process.pid} ${startTimeOf(String(process.pid)) ?? ""}\n`, { mode: 0o600 });
  try {
    for (let tryNo = 1; tryNo <= TRIES_MAX; tryNo++) {
      // By link: of two that start together one finds the other's, and it never exists without its content.
      if (moveIfPossible(() => linkSync(draft, path))) return;
      refuseOwned(path, agentDir);
      if (!moveIfPossible(() => renameSync(path, aside))) continue;
      // Between the look and the move somebody else may have taken the folder: then it was his, and stays it.
      if (isOwned(aside)) moveIfPossible(() => linkSync(aside, path));
      rmSync(aside, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new ConfigError(`${path} could not be taken: another agent starts in ${agentDir} at the same time`);
}

function refuseOwned(path: string, agentDir: string): void {
  if (!isOwned(path)) return;
  throw new ConfigError(
    `another agent (process ${readOwner(path).pid}) runs in ${agentDir}: stop it first, or choose another WINDROW_AGENT_DIR`,
  );
}

/** By a process that lives and is not this one. */
function isOwned(path: string): boolean {
  const { pid, startTime } = readOwner(path);
  return pid !== "" && pid !== String(process.pid) && startTimeOf(pid) === startTime;
}

function readOwner(path: string): { readonly pid: string; readonly startTime: string } {
  const [pid = "", startTime = ""] = readIfThere(path).trim().split(" ");
  return { pid, startTime };
}

/** False when the name was taken, or went, since it was looked at. */
function moveIfPossible(move: () => void): boolean {
  try {
    move();
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST" || code === "ENOENT") return false;
    throw error;
  }
}

/** Field 22 of /proc/PID/stat: with it a pid names one process for good. */
function startTimeOf(pid: string): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat === "" ? undefined : stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
