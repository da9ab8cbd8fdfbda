import { randomUUID } from "node:crypto";
import type { CgroupPlaces } from "../limits/find-cgroups.ts";
import { cgroupPlaces } from "../limits/find-job-limits.ts";
import { makeJobCgroups } from "../limits/job-cgroups.ts";
import { type Containment, defaultGrace, type JobSite, type OpenJobOptions } from "../step-backend.ts";
import { encodeDrop, type HostTools } from "./host-tools.ts";
import { shellQuote } from "./shell-quote.ts";
import { bridgeScript, supervisorScript } from "./supervisor-script.ts";

export interface SiteSettingsParts {
  readonly tools: HostTools;
  /** Where no namespace holds the job, a cgroup may. */
  readonly canHoldByCgroup: boolean;
  /** Looked for unless told. */
  readonly cgroups: CgroupPlaces | undefined;
  /** The supervisor may serve another job after this one. */
  readonly isKept: boolean;
  /** Path of bubblewrap, for a job behind it. */
  readonly bwrap: string | undefined;
}

/** What the supervisor must know, as assignments that it reads in; makes the job's cgroups, which stand among them. */
export async function encodeSiteSettings(
  site: JobSite,
  options: OpenJobOptions,
  { tools, canHoldByCgroup, cgroups: told, isKept, bwrap }: SiteSettingsParts,
): Promise<string> {
  const { limits = {}, deadlineGrace: grace = defaultGrace } = options;
  // A job that runs as the agent itself could leave its cgroup.
  const isHeldByThem = !tools.isHeld && canHoldByCgroup && site.user !== undefined;
  const isLimited = limits.memoryBytes !== undefined || limits.processesMax !== undefined;
  const places = isLimited || isHeldByThem ? (told ?? cgroupPlaces()) : {};
  const cgroups = makeJobCgroups(site, limits, { places, isHeldByThem });
  const byCgroup = isHeldByThem && cgroups.dirs.length > 0 ? "cgroup" : "best-effort";
  const containment: Containment = tools.isHeld ? "pid-namespace" : byCgroup;
  const hasOwnCount = places.processes === undefined && site.user !== undefined;
  const settings = {
    attempt: site.attemptId,
    supervisor: supervisorScript,
    bridge: bridgeScript,
    containment,
    hold: tools.hold.join(" "),
    loopback: tools.loopback,
    mount: tools.mount,
    setsid: tools.setsid,
    drop: await encodeDrop(tools, site.user),
    sandbox: bwrap ?? "",
    kept: isKept ? "yes" : "no",
    uid: site.user === undefined ? "" : String(site.user.uid),
    cgroups: cgroups.dirs.join(" "),
    oom_counter: cgroups.oomCounter,
    // Per user: sensible only for one that nobody else is.
    processes_max: hasOwnCount && limits.processesMax !== undefined ? String(Math.floor(limits.processesMax)) : "",
    cookie: `WINDROW_JOB_COOKIE=${randomUUID()}`,
    deadline_interrupt_ms: String(Math.round(grace.interruptMs)),
    deadline_terminate_ms: String(Math.round(grace.terminateMs)),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${shellQuote(value)}\n`);
  return lines.join("");
}
