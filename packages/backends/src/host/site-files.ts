import { closeSync, constants, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";
import type { Containment, GraceSequence, JobSite } from "../step-backend.ts";
import type { ProcessIdentity } from "./process-identity.ts";

// All of these are a few bytes on the agent's own disk and on the path of every step. They are read and written at once:
// the way through the thread pool costs ten times the work itself.

/** Fields of a one-line file of the supervisor; undefined when it is not there or not yet whole (the word `end` missing). */
export function readSiteLine(site: JobSite, name: string): string[] | undefined {
  const text = readSiteText(site, name);
  if (!text?.endsWith(" end\n")) return undefined;
  return text.slice(0, -" end\n".length).split(" ");
}

export function readSiteText(site: JobSite, name: string): string | undefined {
  try {
    return readFileSync(join(site.siteDir, name), "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The outermost process of the job, as it wrote itself down before it started anything. */
export function readSupervisorIdentity(site: JobSite): ProcessIdentity | undefined {
  const [pid, startTime] = readSiteLine(site, "supervisor.pid") ?? [];
  return pid === undefined || startTime === undefined ? undefined : { pid: Number(pid), startTime };
}

/**
 * The supervisor said that the job is over, that nothing of it is left, and that it has let go of the site: whether it
 * lives on is no longer this job's affair.
 */
export function wasReleased(site: JobSite): boolean {
  return readSiteLine(site, "released") !== undefined;
}

/** How the job was opened, which an agent that attaches later must not guess again. */
export interface SiteSettings {
  /** Steps say when they have arrived in their sandbox. */
  readonly isSandboxed: boolean;
  readonly containment: Containment;
  /** The job's own user, where it has one. */
  readonly uid: number | undefined;
  /** Set in every step where no namespace holds the job, so that its processes can be found. */
  readonly cookie: { readonly name: string; readonly value: string };
}

const containments: readonly Containment[] = ["pid-namespace", "cgroup", "best-effort"];

export function readSiteSettings(site: JobSite): SiteSettings {
  const settings = readSiteText(site, "settings") ?? "";
  const cookie = /^cookie='(\w+)=([\w-]+)'$/m.exec(settings);
  const uid = /^uid='(\d+)'$/m.exec(settings)?.[1];
  if (cookie?.[1] === undefined || cookie[2] === undefined) {
    throw new BackendFault("site_invalid", `${site.siteDir}/settings is damaged`);
  }
  return {
    isSandboxed: !/^sandbox=''$/m.test(settings),
    containment: containments.find((word) => settings.includes(`\ncontainment='${word}'\n`)) ?? "best-effort",
    uid: uid === undefined ? undefined : Number(uid),
    cookie: { name: cookie[1], value: cookie[2] },
  };
}

/** Replaces the deadline in one step, so that the supervisor never reads half a number; `grace` replaces the settings'. */
export function writeDeadline(site: JobSite, deadlineBootMs: number, grace?: GraceSequence): void {
  if (!Number.isFinite(deadlineBootMs)) throw new BackendFault("site_invalid", `deadline is ${deadlineBootMs}`);
  const path = join(site.siteDir, "deadline");
  const temporary = `${path}.new`;
  const words = [Math.round(deadlineBootMs), ...(grace === undefined ? [] : [encodeGrace(grace)])];
  writeFileSync(temporary, `${words.join(" ")}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/**
 * One line to a pipe of the supervisor. It is far shorter than what a pipe takes whole, so lines never mix.
 * Throws `supervisor_gone` when nobody reads the pipe.
 */
export function sendCommand(site: JobSite, pipe: "run" | "ctl", line: string): void {
  try {
    const descriptor = openSync(join(site.siteDir, pipe), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(descriptor, `${line}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (hasCode(error, "ENXIO") || hasCode(error, "ENOENT") || hasCode(error, "EPIPE")) {
      throw new BackendFault("supervisor_gone", `the supervisor of attempt ${site.attemptId} is gone`, {
        cause: error,
      });
    }
    throw error;
  }
}

export function encodeGrace(grace: GraceSequence): string {
  return `${Math.max(0, Math.round(grace.interruptMs))} ${Math.max(0, Math.round(grace.terminateMs))}`;
}
