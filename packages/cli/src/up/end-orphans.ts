import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { type EndStep, endProcess } from "@windrow/embedded";
import type { Clock } from "@windrow/service";
import { CliError } from "../cli-error.ts";
import { type DataFolder, readIfThere } from "./data-folder.ts";
import { decodeIdentity, isStillRunning } from "./process-identity.ts";
import type { Report } from "./up-reporter.ts";

/**
 * A controller may finish what it answers. An agent is killed at once: its jobs are held by their supervisors, and the
 * agent that starts on the same folder takes them up again, which a polite stop would prevent.
 */
const CONTROLLER_STEPS: readonly EndStep[] = [
  { signal: "SIGTERM", graceMs: 3_000 },
  { signal: "SIGKILL", graceMs: 5_000 },
];
const AGENT_STEPS: readonly EndStep[] = [{ signal: "SIGKILL", graceMs: 5_000 }];

/** Ends the controller and the agents that an earlier `windrow up` left running when it was killed. */
export async function endOrphans(options: { folder: DataFolder; clock: Clock; report: Report }): Promise<void> {
  const { folder, clock, report } = options;
  for (const file of readdirSync(folder.run)) {
    if (!file.endsWith(".pid") || file === "up.pid") continue;
    const pidFile = path.join(folder.run, file);
    const identity = decodeIdentity(readIfThere(pidFile) ?? "");
    const name = file.slice(0, -".pid".length);
    if (identity !== undefined && isStillRunning(identity)) {
      const steps = name === "controller" ? CONTROLLER_STEPS : AGENT_STEPS;
      if (!(await endProcess(identity.pid, steps, clock))) {
        throw new CliError(`${name} of an earlier start (process ${identity.pid}) does not end`, {
          code: "stop_failed",
        });
      }
      report({ event: "orphan_ended", part: name, pid: identity.pid });
    }
    rmSync(pidFile, { force: true });
  }
}
