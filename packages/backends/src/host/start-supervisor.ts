import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { JobSite } from "../step-backend.ts";
import { type KeptSupervisor, type KeptSupervisors, NextSitePipe } from "./kept-supervisors.ts";
import type { PipeStock } from "./pipe-stock.ts";
import { isProcessAlive, type ProcessIdentity } from "./process-identity.ts";
import { readSiteText, readSupervisorIdentity } from "./site-files.ts";
import type { SupervisorLauncher } from "./supervisor-launcher.ts";
import { SupervisorLine } from "./supervisor-line.ts";

/** How long a supervisor may take to start on a machine under load. */
const startMsMax = 20_000;

/** How often one that was kept is looked at while it takes a site up. */
const lookEveryMs = 250;

export interface StartParts {
  readonly launcher: SupervisorLauncher;
  readonly pipes: PipeStock;
  readonly kept: KeptSupervisors;
  /** Whether the supervisor may serve another job of the site's user after this one. */
  readonly isKept: boolean;
  /** See `keptKey`. */
  readonly key: string;
}

export interface StartedSupervisor {
  readonly supervisor: ProcessIdentity;
  readonly line: SupervisorLine;
  readonly next?: NextSitePipe | undefined;
}

/**
 * Gives a site with its settings a supervisor: one that was kept, else a new one. Throws `supervisor_failed` when none
 * comes.
 */
export async function startSupervisor(site: JobSite, parts: StartParts): Promise<StartedSupervisor> {
  for (const name of ["run", "ctl", "events"]) await parts.pipes.take(join(site.siteDir, name));
  const line = SupervisorLine.openBeforeStart(site);
  if (line === undefined) throw new BackendFault("supervisor_failed", `${site.siteDir} was wiped while it was opened`);
  try {
    return (await takeKept(site, parts, line)) ?? (await startNew(site, parts, line));
  } catch (error) {
    line.close();
    throw error;
  }
}

/** What kept supervisors are told apart by: nobody but this user ever ran in their namespace, and as freely as now. */
export const keptKey = (
  { user }: JobSite,
  { isSandboxed, hasOwnNet }: { readonly isSandboxed: boolean; readonly hasOwnNet: boolean },
): string => `${user?.uid}:${user?.gid}:${user?.name}:${isSandboxed}:${hasOwnNet}`;

async function takeKept(
  site: JobSite,
  { kept, isKept, key }: StartParts,
  line: SupervisorLine,
): Promise<StartedSupervisor | undefined> {
  if (!isKept) return undefined;
  for (let one = kept.take(key); one !== undefined; one = kept.take(key)) {
    let isTaken = false;
    try {
      isTaken = await takesUp(site, one, line);
    } finally {
      if (!isTaken) one.next.close();
    }
    if (isTaken) return { supervisor: one.identity, line, next: one.next };
  }
  return undefined;
}

/** False when it died instead: it has started nothing, so another one may be asked. */
async function takesUp(site: JobSite, { identity, next }: KeptSupervisor, line: SupervisorLine): Promise<boolean> {
  if (!next.send(site.siteDir)) return false;
  const untilMs = performance.now() + startMsMax;
  while (!line.hasSpoken) {
    if (!isProcessAlive(identity)) return false;
    if (line.isGone || performance.now() > untilMs) {
      process.kill(identity.pid, "SIGKILL");
      throw failed(site);
    }
    await line.nextNews(lookEveryMs);
  }
  return true;
}

async function startNew(site: JobSite, parts: StartParts, line: SupervisorLine): Promise<StartedSupervisor> {
  const nextPath = join(site.siteDir, "next");
  let next: NextSitePipe | undefined;
  if (parts.isKept) {
    for (const path of [nextPath, join(site.siteDir, "tick")]) await parts.pipes.take(path);
    next = NextSitePipe.hold(nextPath);
  }
  try {
    parts.launcher.launch(site.siteDir);
    const untilMs = performance.now() + startMsMax;
    while (!line.hasSpoken && !line.isGone && performance.now() < untilMs) await line.nextNews(startMsMax);
    const supervisor = readSupervisorIdentity(site);
    if (!line.hasSpoken || supervisor === undefined) throw failed(site);
    next?.becomeWriter(nextPath);
    return { supervisor, line, next };
  } catch (error) {
    next?.close();
    throw error;
  }
}

function failed(site: JobSite): BackendFault {
  const log = readSiteText(site, "supervisor.log")?.slice(-2_000) ?? "";
  return new BackendFault("supervisor_failed", `no supervisor for attempt ${site.attemptId} started\n${log}`.trim());
}
