import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config-error.ts";

/** Keeps two agents out of one folder. A lock of a process that is gone counts for nothing. Throws `ConfigError`. */
export function lockAgentFolder(agentDir: string): void {
  const path = join(agentDir, "agent.pid");
  const [pid = "", startTime = ""] = readIfThere(path).trim().split(" ");
  const isOther = pid !== "" && pid !== String(process.pid);
  if (isOther && startTimeOf(pid) === startTime) {
    throw new ConfigError(
      `another agent (process ${pid}) runs in ${agentDir}: stop it first, or choose another WINDROW_AGENT_DIR`,
    );
  }
  writeFileSync(path, `${process.pid} ${startTimeOf(String(process.pid)) ?? ""}\n`, { mode: 0o600 });
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
