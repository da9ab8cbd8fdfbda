import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BackendFault } from "../backend-fault.ts";
import { isProcessAlive, readProcessIdentity } from "../host/process-identity.ts";
import { readSiteLine } from "../host/site-files.ts";
import type { JobSite } from "../step-backend.ts";

/** The shell program beside this file; a bundle must carry it along. */
const guardScript = fileURLToPath(new URL("./guard.sh", import.meta.url));

/**
 * Writes down a container of the job, by its first process as the machine numbers it, so that the guard ends it with the job.
 * One that has ended already is not written down.
 */
export function noteContainer(site: JobSite, { id, pid }: { readonly id: string; readonly pid: number }): void {
  if (!/^[\w.-]+$/.test(id)) throw new BackendFault("site_invalid", `"${id}" is no name of a container`);
  const identity = readProcessIdentity(pid);
  if (identity === undefined) return;
  appendFileSync(join(site.siteDir, "containers"), `${pid} ${identity.startTime} ${id} end\n`, { mode: 0o600 });
}

/**
 * Starts the process that ends the containers of an open job when its supervisor is gone or says that the job is over: at
 * once when this agent is dead, after a while when it lives and has not done it itself. Outlives the agent. Idempotent; an agent
 * that attaches to the job calls it again, so that the guard knows it.
 */
export function startGuard(site: JobSite): void {
  const own = readProcessIdentity(process.pid);
  if (own === undefined) throw new BackendFault("supervisor_failed", "this process cannot be found in /proc");
  const agentFile = join(site.siteDir, "guard.agent");
  writeFileSync(`${agentFile}.new`, `${own.pid} ${own.startTime} end\n`, { mode: 0o600 });
  renameSync(`${agentFile}.new`, agentFile);
  if (isGuarded(site)) return;
  const child = spawn("/bin/sh", [guardScript, site.siteDir], { detached: true, stdio: "ignore", env: {}, cwd: "/" });
  // Without a number it was not started; nothing that was started says so later.
  if (child.pid === undefined) {
    child.once("error", () => undefined);
    throw new BackendFault("supervisor_failed", "no guard of the job's containers could be started");
  }
  child.unref();
  const guard = readProcessIdentity(child.pid);
  writeFileSync(join(site.siteDir, "guard.pid"), `${child.pid} ${guard?.startTime ?? "0"} end\n`, { mode: 0o600 });
}

function isGuarded(site: JobSite): boolean {
  const [pid, startTime] = readSiteLine(site, "guard.pid") ?? [];
  return pid !== undefined && startTime !== undefined && isProcessAlive({ pid: Number(pid), startTime });
}

/** Containers written down for a site, those that ended included. */
export function readNotedContainers(site: JobSite): readonly { readonly id: string; readonly pid: number }[] {
  const path = join(site.siteDir, "containers");
  if (!existsSync(path)) return [];
  return readFileSync(path, "latin1")
    .split("\n")
    .flatMap((line) => {
      const [, pid, id] = /^(\d+) \d+ (\S+) end$/.exec(line) ?? [];
      return pid === undefined || id === undefined ? [] : [{ id, pid: Number(pid) }];
    });
}
