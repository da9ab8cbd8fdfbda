import { constants } from "node:fs";
import { open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { Containment, GraceSequence, JobSite } from "../step-backend.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** Fields of a one-line file of the supervisor; undefined when it is not there or not yet whole (the word `end` missing). */
export async function readSiteLine(site: JobSite, name: string): Promise<string[] | undefined> {
  const text = await readSiteText(site, name);
  if (!text?.endsWith(" end\n")) return undefined;
  return text.slice(0, -" end\n".length).split(" ");
}

export async function readSiteText(site: JobSite, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(site.siteDir, name), "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The outermost process of the job, as it wrote itself down before it started anything. */
export async function readSupervisorIdentity(site: JobSite): Promise<ProcessIdentity | undefined> {
  const [pid, startTime] = (await readSiteLine(site, "supervisor.pid")) ?? [];
  return pid === undefined || startTime === undefined ? undefined : { pid: Number(pid), startTime };
}

/** How the job was opened, which an agent that attaches later must not guess again. */
export interface SiteSettings {
  readonly containment: Containment;
  /** Set in every step where no namespace holds the job, so that its processes can be found. */
  readonly cookie: { readonly name: string; readonly value: string };
}

export async function readSiteSettings(site: JobSite): Promise<SiteSettings> {
  const settings = (await readSiteText(site, "settings")) ?? "";
  const cookie = /^cookie='(\w+)=([\w-]+)'$/m.exec(settings);
  if (cookie?.[1] === undefined || cookie[2] === undefined) {
    throw new BackendFault("site_invalid", `${site.siteDir}/settings is damaged`);
  }
  return {
    containment: /^containment='pid-namespace'$/m.test(settings) ? "pid-namespace" : "best-effort",
    cookie: { name: cookie[1], value: cookie[2] },
  };
}

/** Replaces the deadline in one step, so that the supervisor never reads half a number. */
export async function writeDeadline(site: JobSite, deadlineBootMs: number): Promise<void> {
  if (!Number.isFinite(deadlineBootMs)) throw new BackendFault("site_invalid", `deadline is ${deadlineBootMs}`);
  const path = join(site.siteDir, "deadline");
  // Two writers at once (a renewal and a cancel) must not share one temporary file.
  const temporary = `${path}.${process.hrtime.bigint()}`;
  await writeFile(temporary, `${Math.round(deadlineBootMs)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/**
 * One line to a pipe of the supervisor. It is far shorter than what a pipe takes whole, so lines never mix.
 * Throws `supervisor_gone` when nobody reads the pipe.
 */
export async function sendCommand(site: JobSite, pipe: "run" | "ctl", line: string): Promise<void> {
  try {
    const handle = await open(join(site.siteDir, pipe), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await handle.write(`${line}\n`);
    } finally {
      await handle.close();
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

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
