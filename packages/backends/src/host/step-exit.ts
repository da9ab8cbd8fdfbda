import { statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { JobSite, StepExit } from "../step-backend.ts";
import { bootClockMs } from "./boot-clock.ts";
import { readSiteLine } from "./site-files.ts";

/**
 * How a step ended; undefined while it runs, or when its supervisor died first. Throws `spool_failed` when output was lost,
 * `container_gone` when the job's container ended under the step.
 */
export function readStepExit(site: JobSite, stepNo: number): StepExit | undefined {
  const fields = readSiteLine(site, `steps/${stepNo}/exit`);
  if (fields === undefined) return undefined;
  const [code = "", bytes = "", startedBootMs = "", endedBootMs = "", readerCode = "", oom] = fields;
  if (code === "gone") {
    throw new BackendFault(
      "container_gone",
      `the container of attempt ${site.attemptId} ended while step ${stepNo} ran in it`,
    );
  }
  if (readerCode !== "0") {
    throw new BackendFault(
      "spool_failed",
      `the output of step ${stepNo} of attempt ${site.attemptId} could not be stored (is the disk full?)`,
    );
  }
  const spoolBytes = bytes === "all" ? statSync(join(site.siteDir, "spool", String(stepNo))).size : Number(bytes);
  const bootedAtMs = Date.now() - bootClockMs();
  const exitCode = Number(code);
  const signal = signalName(exitCode);
  return {
    exitCode,
    ...(signal === undefined ? {} : { signal }),
    ...(oom === "1" ? { isOutOfMemory: true } : {}),
    startedAtMs: bootedAtMs + Number(startedBootMs),
    endedAtMs: bootedAtMs + Number(endedBootMs),
    spoolBytes,
  };
}

function signalName(exitCode: number): string | undefined {
  return Object.entries(osConstants.signals).find(([, number]) => number === exitCode - 128)?.[0];
}
