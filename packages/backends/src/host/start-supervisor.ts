import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { JobSite } from "../step-backend.ts";
import { readSiteText } from "./site-files.ts";
import { supervisorScript } from "./supervisor-script.ts";

/**
 * Starts the supervisor in a session of its own and returns when it takes commands. It inherits nothing: no descriptor, no
 * variable. Throws `supervisor_failed` with the end of its log.
 */
export async function startSupervisor(site: JobSite): Promise<void> {
  const log = openSync(join(site.siteDir, "supervisor.log"), "a", 0o600);
  const child = spawn("/bin/sh", [supervisorScript, "boot", site.siteDir], {
    detached: true,
    stdio: ["ignore", "pipe", log],
    env: {},
    cwd: "/",
  });
  closeSync(log);
  // Its death is noticed by the events pipe, which also works for an agent that is not its parent.
  child.unref();
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.stdout?.once("data", () => resolve(undefined));
    child.stdout?.once("close", () => resolve("it ended before it was ready"));
  });
  child.stdout?.destroy();
  if (failure === undefined) return;
  const tail = (await readSiteText(site, "supervisor.log"))?.slice(-2_000) ?? "";
  throw new BackendFault(
    "supervisor_failed",
    `no supervisor for attempt ${site.attemptId}: ${failure}\n${tail}`.trim(),
  );
}
