import { randomUUID } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import {
  defaultGrace,
  type JobHandle,
  type JobReceipt,
  type JobSite,
  noGrace,
  type OpenJobOptions,
  type SiteRemains,
  type StepBackend,
  type StepExit,
} from "../step-backend.ts";
import { endJob } from "./end-job.ts";
import { HostJob, pipeBatchSize } from "./host-job.ts";
import { encodeDrop, findHostTools, type HostTools } from "./host-tools.ts";
import { isProcessAlive } from "./process-identity.ts";
import { shellQuote } from "./shell-quote.ts";
import {
  hasCode,
  readSiteLine,
  readSiteSettings,
  readSiteText,
  readSupervisorIdentity,
  writeDeadline,
} from "./site-files.ts";
import { startSupervisor } from "./start-supervisor.ts";
import { readStepExit } from "./step-exit.ts";
import { SupervisorLine } from "./supervisor-line.ts";
import { supervisorScript } from "./supervisor-script.ts";

export interface HostBackendOptions {
  /** `auto` (the default): a PID namespace where one can be made. */
  readonly containment?: "auto" | "best-effort" | undefined;
}

/** Steps as processes of this machine, each job under a supervisor of its own. */
export function createHostBackend(options: HostBackendOptions = {}): StepBackend {
  let tools: Promise<HostTools> | undefined;
  const findTools = (): Promise<HostTools> => {
    tools ??= findHostTools({ containment: options.containment ?? "auto" });
    return tools;
  };
  return {
    name: "host",
    openJob: async (site, jobOptions) => openJob(site, jobOptions, await findTools()),
    attachJob: async (site) => attachJob(site, await findTools()),
    readRemains,
    endRemains,
  };
}

async function openJob(site: JobSite, options: OpenJobOptions, tools: HostTools): Promise<JobHandle> {
  checkSite(site);
  if ((await readSupervisorIdentity(site)) !== undefined) {
    throw new BackendFault(
      "site_exists",
      `attempt ${site.attemptId} was opened before: attach to it or wipe ${site.siteDir}`,
    );
  }
  await mkdir(site.siteDir, { recursive: true, mode: 0o700 });
  await Promise.all([
    mkdir(join(site.siteDir, "spool"), { recursive: true, mode: 0o700 }),
    mkdir(join(site.siteDir, "steps"), { recursive: true, mode: 0o700 }),
    writeDeadline(site, options.deadlineBootMs),
    writeFile(join(site.siteDir, "settings"), encodeSettings(site, options, tools), { mode: 0o600 }),
  ]);
  await startSupervisor(site);
  const job = await attachJob(site, tools);
  if (job === undefined) {
    const log = (await readSiteText(site, "supervisor.log"))?.slice(-2_000);
    throw new BackendFault("supervisor_failed", `the supervisor of attempt ${site.attemptId} ended at once: ${log}`);
  }
  return job;
}

async function attachJob(site: JobSite, tools: HostTools): Promise<JobHandle | undefined> {
  const supervisor = await readSupervisorIdentity(site);
  if (supervisor === undefined || !(await isProcessAlive(supervisor))) return undefined;
  const line = SupervisorLine.open(site);
  if (line === undefined) return undefined;
  return new HostJob({
    site,
    tools,
    supervisor,
    line,
    lastStepNo: await findOpenStep(site),
    ...(await readSiteSettings(site)),
  });
}

/** The step that was handed to the supervisor and has not ended; there is at most one. */
async function findOpenStep(site: JobSite): Promise<number | undefined> {
  for (const stepNo of (await readStepNos(site)) ?? []) {
    const wasStarted = (await readSiteLine(site, `steps/${stepNo}/started`)) !== undefined;
    if (wasStarted && (await readSiteLine(site, `steps/${stepNo}/exit`)) === undefined) return stepNo;
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
    const exit = await readStepExit(site, stepNo);
    if (exit !== undefined) exits.set(stepNo, exit);
  }
  return { exits, endedByDeadline: (await readSiteLine(site, "ended-by-deadline")) !== undefined };
}

async function endRemains(site: JobSite): Promise<JobReceipt | undefined> {
  const supervisor = await readSupervisorIdentity(site);
  const line = SupervisorLine.open(site);
  if (supervisor === undefined || line === undefined) return undefined;
  try {
    const { containment } = await readSiteSettings(site);
    return await endJob({ site, supervisor, line, containment }, noGrace);
  } finally {
    line.close();
  }
}

/** What the supervisor must know, as assignments that it reads in. */
function encodeSettings(site: JobSite, options: OpenJobOptions, tools: HostTools): string {
  const grace = options.deadlineGrace ?? defaultGrace;
  const pipes = Array.from({ length: pipeBatchSize }, (_, index) => `pipe.${index + 1}`);
  const settings = {
    attempt: site.attemptId,
    supervisor: supervisorScript,
    containment: tools.containment,
    hold: tools.hold.join(" "),
    setsid: tools.setsid,
    drop: encodeDrop(tools, site.user),
    uid: site.user === undefined ? "" : String(site.user.uid),
    cookie: `WINDROW_JOB_COOKIE=${randomUUID()}`,
    first_pipes: pipes.join(" "),
    deadline_interrupt_ms: String(Math.round(grace.interruptMs)),
    deadline_terminate_ms: String(Math.round(grace.terminateMs)),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${shellQuote(value)}\n`);
  return lines.join("");
}

function checkSite(site: JobSite): void {
  if (!site.siteDir.startsWith("/") || !site.workDir.startsWith("/")) {
    throw new BackendFault("site_invalid", `the folders of attempt ${site.attemptId} are not absolute`);
  }
}
