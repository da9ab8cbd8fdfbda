import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Confinement } from "@windrow/model";
import { hasCode } from "@windrow/service";
import { BackendFault, isBackendFault } from "../backend-fault.ts";
import { clearLeftovers } from "../leftovers/clear-leftovers.ts";
import type { CgroupPlaces } from "../limits/find-cgroups.ts";
import { removeJobCgroups } from "../limits/job-cgroups.ts";
import { encodeSandboxView, type HostSandbox } from "../sandbox/sandbox-view.ts";
import {
  type JobHandle,
  type JobReceipt,
  type JobSite,
  noGrace,
  type OpenJobOptions,
  type SiteRemains,
  type StepBackend,
  type StepExit,
} from "../step-backend.ts";
import { encodeSiteSettings } from "./encode-site-settings.ts";
import { endJob } from "./end-job.ts";
import { HostJob } from "./host-job.ts";
import { findHostTools, type HostTools } from "./host-tools.ts";
import { type KeptSupervisor, KeptSupervisors } from "./kept-supervisors.ts";
import { PipeStock } from "./pipe-stock.ts";
import { isProcessAlive } from "./process-identity.ts";
import { readSiteLine, readSiteSettings, readSupervisorIdentity, wasReleased, writeDeadline } from "./site-files.ts";
import { keptKey, startSupervisor } from "./start-supervisor.ts";
import { readStepExit } from "./step-exit.ts";
import { SupervisorLauncher } from "./supervisor-launcher.ts";
import { SupervisorLine } from "./supervisor-line.ts";

export interface HostBackendOptions {
  /** `auto` (the default): a PID namespace where one can be made, else a cgroup where one can be made. */
  readonly containment?: "auto" | "cgroup" | "best-effort" | undefined;
  /** How jobs are put behind bubblewrap; undefined: none can be. */
  readonly sandbox?: HostSandbox | undefined;
  /** How jobs are held that do not say it themselves; `host` unless told. */
  readonly confinement?: Confinement | undefined;
  /** Where cgroups of jobs can be made; looked for unless told. */
  readonly cgroups?: CgroupPlaces | undefined;
}

/**
 * Steps as processes of this machine, each job under a supervisor of its own. Whether a job is behind a sandbox and has a
 * network of its own is said job by job.
 */
export function createHostBackend(options: HostBackendOptions = {}): StepBackend {
  const stocks = new Map<string, PipeStock>();
  const tools = new Map<boolean, Promise<HostTools>>();
  let launcher: SupervisorLauncher | undefined;
  const kept = new KeptSupervisors();
  const findTools = (hasOwnNet: boolean): Promise<HostTools> => {
    const found = tools.get(hasOwnNet) ?? findHostTools({ containment: options.containment ?? "auto", hasOwnNet });
    tools.set(hasOwnNet, found);
    return found;
  };
  const getMachine = async (site: JobSite, hasOwnNet: boolean): Promise<Machine> => {
    const sitesDir = dirname(site.siteDir);
    const pipes = stocks.get(sitesDir) ?? new PipeStock(sitesDir);
    stocks.set(sitesDir, pipes);
    const found = await findTools(hasOwnNet);
    launcher ??= new SupervisorLauncher(found.setsid);
    return { tools: found, launcher, kept, pipes };
  };
  return {
    name: options.confinement ?? "host",
    openJob: async (site, jobOptions) => {
      checkSite(site);
      const shape = decideShape(jobOptions, options);
      return openJob(site, jobOptions, shape, await getMachine(site, shape.hasOwnNet));
    },
    attachJob: async (site) => attachJob(site, await getMachine(site, false)),
    readRemains,
    endRemains,
    close: async () => kept.close(),
  };
}

/** Throws `supervisor_failed` for a sandbox that this backend was given none for. */
function decideShape(
  job: OpenJobOptions,
  { confinement = "host", sandbox, containment, cgroups }: HostBackendOptions,
): JobShape {
  const isSandboxed = (job.confinement ?? confinement) === "sandbox";
  if (isSandboxed && sandbox === undefined) {
    throw new BackendFault("supervisor_failed", "this agent has no sandbox, and the job may run in nothing less");
  }
  const network = job.network ?? (isSandboxed && sandbox?.network === "none" ? "own" : "machine");
  const canHoldByCgroup = containment !== "best-effort";
  return { sandbox: isSandboxed ? sandbox : undefined, hasOwnNet: network === "own", canHoldByCgroup, cgroups };
}

interface JobShape {
  readonly sandbox: HostSandbox | undefined;
  readonly hasOwnNet: boolean;
  readonly canHoldByCgroup: boolean;
  readonly cgroups: CgroupPlaces | undefined;
}

interface Machine {
  readonly tools: HostTools;
  readonly launcher: SupervisorLauncher;
  readonly kept: KeptSupervisors;
  readonly pipes: PipeStock;
}

async function openJob(
  site: JobSite,
  options: OpenJobOptions,
  { sandbox, hasOwnNet, canHoldByCgroup, cgroups }: JobShape,
  machine: Machine,
): Promise<JobHandle> {
  const { tools } = machine;
  if (existsSync(join(site.siteDir, "settings"))) {
    throw new BackendFault(
      "site_exists",
      `attempt ${site.attemptId} was opened before: attach to it or wipe ${site.siteDir}`,
    );
  }
  if ((sandbox !== undefined || hasOwnNet) && !tools.isHeld) {
    const what = sandbox !== undefined ? "a sandbox" : "a network of a job's own";
    throw new BackendFault("supervisor_failed", `${what} needs a PID namespace, and none can be made here`);
  }
  for (const folder of [site.siteDir, join(site.siteDir, "spool"), join(site.siteDir, "steps")]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  writeDeadline(site, options.deadlineBootMs);
  // Nobody but the job's user, and nothing but its own job, may ever have run in a namespace that is used again.
  const isKept = tools.isHeld && site.user !== undefined;
  if (sandbox !== undefined) {
    writeFileSync(join(site.siteDir, "sandbox"), encodeSandboxView(site, sandbox), { mode: 0o600 });
  }
  const settings = await encodeSiteSettings(site, options, {
    tools,
    canHoldByCgroup,
    cgroups,
    isKept,
    bwrap: sandbox?.bwrap,
  });
  writeFileSync(join(site.siteDir, "settings"), settings, { mode: 0o600 });
  const key = keptKey(site, { isSandboxed: sandbox !== undefined, hasOwnNet });
  try {
    const { supervisor, line, next } = await startSupervisor(site, { ...machine, isKept, key });
    const keep = (one: KeptSupervisor) => machine.kept.keep(key, one);
    return new HostJob({ site, ...machine, supervisor, line, next, keep, ...readSiteSettings(site) });
  } catch (error) {
    await removeJobCgroups(site);
    throw error;
  }
}

async function attachJob(site: JobSite, machine: Machine): Promise<JobHandle | undefined> {
  const supervisor = readSupervisorIdentity(site);
  if (supervisor === undefined || !isProcessAlive(supervisor) || wasReleased(site)) return undefined;
  const line = SupervisorLine.open(site);
  if (line === undefined) return undefined;
  const lastStepNo = await findOpenStep(site);
  return new HostJob({ site, ...machine, supervisor, line, lastStepNo, ...readSiteSettings(site) });
}

/** The step that was handed to the supervisor and has not ended; there is at most one. */
async function findOpenStep(site: JobSite): Promise<number | undefined> {
  for (const stepNo of (await readStepNos(site)) ?? []) {
    const wasStarted = readSiteLine(site, `steps/${stepNo}/started`) !== undefined;
    if (wasStarted && readSiteLine(site, `steps/${stepNo}/exit`) === undefined) return stepNo;
  }
  return undefined;
}

async function readStepNos(site: JobSite): Promise<number[] | undefined> {
  try {
    return (await readdir(join(site.siteDir, "steps"))).map(Number).sort((a, b) => a - b);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function readRemains(site: JobSite): Promise<SiteRemains | undefined> {
  const stepNos = await readStepNos(site);
  if (stepNos === undefined) return undefined;
  const exits = new Map<number, StepExit>();
  for (const stepNo of stepNos) {
    const exit = readExitIfThere(site, stepNo);
    if (exit !== undefined) exits.set(stepNo, exit);
  }
  return { exits, endedByDeadline: readSiteLine(site, "ended-by-deadline") !== undefined };
}

/** A step that went with its container did not end, and is not among those that did. */
function readExitIfThere(site: JobSite, stepNo: number): StepExit | undefined {
  try {
    return readStepExit(site, stepNo);
  } catch (error) {
    if (isBackendFault(error, "container_gone")) return undefined;
    throw error;
  }
}

async function endRemains(site: JobSite): Promise<JobReceipt | undefined> {
  const supervisor = readSupervisorIdentity(site);
  const line = SupervisorLine.open(site);
  if (supervisor === undefined || line === undefined) {
    line?.close();
    await removeJobCgroups(site);
    return undefined;
  }
  try {
    const { containment, uid } = readSiteSettings(site);
    const { receipt } = await endJob({ site, supervisor, line, containment }, noGrace);
    await removeJobCgroups(site);
    await clearLeftovers(uid);
    return receipt;
  } catch (error) {
    // A power cut may leave an empty file: how the job was held is not known, and what is left of it cannot be much.
    if (!isBackendFault(error, "site_invalid")) throw error;
    if (isProcessAlive(supervisor) && !wasReleased(site)) process.kill(supervisor.pid, "SIGKILL");
    return undefined;
  } finally {
    line.close();
  }
}

function checkSite(site: JobSite): void {
  if (!site.siteDir.startsWith("/") || !site.workDir.startsWith("/") || site.siteDir.includes("\n")) {
    throw new BackendFault(
      "site_invalid",
      `the folders of attempt ${site.attemptId} are not absolute paths of one line`,
    );
  }
}
