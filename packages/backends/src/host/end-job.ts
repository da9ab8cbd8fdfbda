import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { BackendFault, isBackendFault } from "../backend-fault.ts";
import type { Containment, GraceSequence, JobReceipt, JobSite } from "../step-backend.ts";
import { isProcessAlive, type ProcessIdentity } from "./process-identity.ts";
import { encodeGrace, readSiteLine, sendCommand, wasReleased } from "./site-files.ts";
import type { SupervisorLine } from "./supervisor-line.ts";
import { supervisorScript } from "./supervisor-script.ts";

/** Beyond the grace asked for: how long the supervisor may take before it is killed itself. */
const endSlackMs = 15_000;

/** How long the rest of a supervisor that no longer takes commands may take to go by itself. */
const goneSlackMs = 2_000;

export interface EndJobParts {
  readonly site: JobSite;
  readonly containment: Containment;
  readonly supervisor: ProcessIdentity;
  readonly line: SupervisorLine;
  /** It has let go of this site before; it may be another job's by now. */
  readonly isReleased?: boolean | undefined;
}

export interface EndedJob {
  readonly receipt: JobReceipt;
  /** The supervisor lives on for another job. */
  readonly isReleased: boolean;
}

/**
 * Asks the supervisor to end the job and itself (or to let go of the job, where it is kept), and makes sure of it. Works on a job that has ended already, on one whose
 * supervisor was killed, and when called twice at once.
 */
export async function endJob(parts: EndJobParts, grace: GraceSequence): Promise<EndedJob> {
  const { site, containment } = parts;
  const beganMs = performance.now();
  let isAsked = true;
  try {
    if (grace.interruptMs + grace.terminateMs === 0) createMarker(site, "hurry");
    sendCommand(site, "ctl", `close ${encodeGrace(grace)}`);
  } catch (error) {
    // Gone already: by the deadline, by an earlier call, or killed. The rest is the same.
    if (!isBackendFault(error, "supervisor_gone") && !hasCode(error, "ENOENT")) throw error;
    isAsked = false;
  }
  const limitMs = isAsked ? grace.interruptMs + grace.terminateMs + endSlackMs : goneSlackMs;
  if (!(await waitGone(parts, limitMs))) {
    // Its number may be another's by now, or its job.
    if (isProcessAlive(parts.supervisor) && !isLetGo(parts)) killSupervisor(parts.supervisor.pid);
    if (!(await waitGone(parts, endSlackMs))) {
      throw new BackendFault("supervisor_failed", `the supervisor of attempt ${site.attemptId} cannot be ended`);
    }
  }
  if (containment !== "pid-namespace") await waitReceipt(site, isAsked ? endSlackMs : 0);
  const [ended = "0", left = "0", took] = readSiteLine(site, "receipt") ?? [];
  const receipt: JobReceipt = {
    processesEnded: Number(ended),
    // The kernel has ended everything in a namespace before its outermost process is gone; one that lives on was found empty.
    leftCount: containment === "pid-namespace" ? 0 : Number(left),
    tookMs: took === undefined ? Math.round(performance.now() - beganMs) : Number(took),
    containment,
    endedByDeadline: readSiteLine(site, "ended-by-deadline") !== undefined,
  };
  return { receipt, isReleased: isLetGo(parts) };
}

const isLetGo = ({ site, isReleased }: EndJobParts): boolean => isReleased === true || wasReleased(site);

/** Both: `events` closes when the last process of the supervisor dies, and the outermost one is more than a zombie until reaped. */
async function waitGone(parts: EndJobParts, limitMs: number): Promise<boolean> {
  const { line, supervisor } = parts;
  const untilMs = performance.now() + limitMs;
  while (!isLetGo(parts) && (!line.isGone || isProcessAlive(supervisor))) {
    if (performance.now() > untilMs) return false;
    // The two are milliseconds apart; only the first is news.
    await (line.isGone ? pause(2) : line.nextNews(500));
  }
  return true;
}

function killSupervisor(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

/**
 * Where no namespace holds the job, the part of the supervisor that took the command finishes even if its shell was killed.
 * If that part is gone too, another shell does its work; never both, because the next job may run as the same user.
 */
async function waitReceipt(site: JobSite, limitMs: number): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (readSiteLine(site, "receipt") === undefined) {
    if (performance.now() > untilMs) return reap(site);
    await pause(10);
  }
}

async function reap(site: JobSite): Promise<void> {
  const child = spawn("/bin/sh", [supervisorScript, "reap", site.siteDir], { stdio: "ignore", env: {}, cwd: "/" });
  await once(child, "exit");
}

function createMarker(site: JobSite, name: string): void {
  writeFileSync(join(site.siteDir, name), "", { mode: 0o600 });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
