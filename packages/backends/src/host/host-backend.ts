import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode } from "@windrow/service";
import { BackendFault, isBackendFault } from "../backend-fault.ts";
import { encodeSandboxView, type HostSandbox } from "../sandbox/sandbox-view.ts";
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
import { HostJob } from "./host-job.ts";
import { encodeDrop, findHostTools, type HostTools } from "./host-tools.ts";
import { type KeptSupervisor, KeptSupervisors } from "./kept-supervisors.ts";
import { PipeStock } from "./pipe-stock.ts";
import { isProcessAlive } from "./process-identity.ts";
import { shellQuote } from "./shell-quote.ts";
import { readSiteLine, readSiteSettings, readSupervisorIdentity, wasReleased, writeDeadline } from "./site-files.ts";
import { keptKey, startSupervisor } from "./start-supervisor.ts";
import { readStepExit } from "./step-exit.ts";
import { SupervisorLauncher } from "./supervisor-launcher.ts";
import { SupervisorLine } from "./supervisor-line.ts";
import { supervisorScript } from "./supervisor-script.ts";

export interface HostBackendOptions {
  /** `auto` (the default): a PID namespace where one can be made. */
  readonly containment?: "auto" | "best-effort" | undefined;
  /** Steps behind bubblewrap; see `createSandboxBackend`. */
  readonly sandbox?: HostSandbox | undefined;
}

/** Steps as processes of this machine, each job under a supervisor of its own. */
export function createHostBackend(options: HostBackendOptions = {}): StepBackend {
  const stocks = new Map<string, PipeStock>();
  let machine: Promise<Machine> | undefined;
  const findMachine = async (): Promise<Machine> => {
    const containment = options.containment ?? "auto";
    const tools = await findHostTools({ containment, beside: ownNamespaces(options.sandbox) });
    if (options.sandbox !== undefined && tools.containment !== "pid-namespace") {
      throw new BackendFault("supervisor_failed", "a sandbox needs a PID namespace, and none can be made here");
    }
    const { sandbox } = options;
    return { tools, sandbox, launcher: new SupervisorLauncher(tools.setsid), kept: new KeptSupervisors() };
  };
  const getPartsFor = async (site: JobSite): Promise<Machine & { readonly pipes: PipeStock }> => {
    machine ??= findMachine();
    const sitesDir = dirname(site.siteDir);
    const pipes = stocks.get(sitesDir) ?? new PipeStock(sitesDir);
    stocks.set(sitesDir, pipes);
    return { ...(await machine), pipes };
  };
  return {
    name: options.sandbox === undefined ? "host" : "sandbox",
    openJob: async (site, jobOptions) => openJob(site, jobOptions, await getPartsFor(site)),
    attachJob: async (site) => attachJob(site, await getPartsFor(site)),
    readRemains,
    endRemains,
    close: async () => (await machine)?.kept.close(),
  };
}

function ownNamespaces(sandbox: HostSandbox | undefined): readonly ("ipc" | "net")[] {
  if (sandbox === undefined) return [];
  return sandbox.network === "none" ? ["ipc", "net"] : ["ipc"];
}

interface Machine {
  readonly tools: HostTools;
  readonly sandbox: HostSandbox | undefined;
  readonly launcher: SupervisorLauncher;
  readonly kept: KeptSupervisors;
}

type OpenParts = Machine & { readonly pipes: PipeStock };

async function openJob(site: JobSite, options: OpenJobOptions, parts: OpenParts): Promise<JobHandle> {
  checkSite(site);
  if (existsSync(join(site.siteDir, "settings"))) {
    throw new BackendFault(
      "site_exists",
      `attempt ${site.attemptId} was opened before: attach to it or wipe ${site.siteDir}`,
    );
  }
  for (const folder of [site.siteDir, join(site.siteDir, "spool"), join(site.siteDir, "steps")]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  writeDeadline(site, options.deadlineBootMs);
  // Nobody but the job's user, and nothing but its own job, may ever have run in a namespace that is used again.
  const isKept = parts.tools.containment === "pid-namespace" && site.user !== undefined;
  if (parts.sandbox !== undefined) {
    writeFileSync(join(site.siteDir, "sandbox"), encodeSandboxView(site, parts.sandbox), { mode: 0o600 });
  }
  const settings = await encodeSettings(site, options, { ...parts, isKept });
  writeFileSync(join(site.siteDir, "settings"), settings, { mode: 0o600 });
  const { supervisor, line, next } = await startSupervisor(site, { ...parts, isKept });
  const keep = (one: KeptSupervisor) => parts.kept.keep(keptKey(site), one);
  return new HostJob({ site, ...parts, supervisor, line, next, keep, ...readSiteSettings(site) });
}

async function attachJob(site: JobSite, parts: OpenParts): Promise<JobHandle | undefined> {
  const supervisor = readSupervisorIdentity(site);
  if (supervisor === undefined || !isProcessAlive(supervisor) || wasReleased(site)) return undefined;
  const line = SupervisorLine.open(site);
  if (line === undefined) return undefined;
  return new HostJob({
    site,
    ...parts,
    supervisor,
    line,
    lastStepNo: await findOpenStep(site),
    ...readSiteSettings(site),
  });
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
    const exit = readStepExit(site, stepNo);
    if (exit !== undefined) exits.set(stepNo, exit);
  }
  return { exits, endedByDeadline: readSiteLine(site, "ended-by-deadline") !== undefined };
}

async function endRemains(site: JobSite): Promise<JobReceipt | undefined> {
  const supervisor = readSupervisorIdentity(site);
  const line = SupervisorLine.open(site);
  if (supervisor === undefined || line === undefined) return undefined;
  try {
    const { containment } = readSiteSettings(site);
    const { receipt } = await endJob({ site, supervisor, line, containment }, noGrace);
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

/** What the supervisor must know, as assignments that it reads in. */
async function encodeSettings(
  site: JobSite,
  options: OpenJobOptions,
  { tools, sandbox, isKept }: Pick<Machine, "tools" | "sandbox"> & { readonly isKept: boolean },
): Promise<string> {
  const grace = options.deadlineGrace ?? defaultGrace;
  const settings = {
    attempt: site.attemptId,
    supervisor: supervisorScript,
    containment: tools.containment,
    hold: tools.hold.join(" "),
    loopback: tools.loopback,
    setsid: tools.setsid,
    drop: await encodeDrop(tools, site.user),
    sandbox: sandbox?.bwrap ?? "",
    kept: isKept ? "yes" : "no",
    uid: site.user === undefined ? "" : String(site.user.uid),
    cookie: `WINDROW_JOB_COOKIE=${randomUUID()}`,
    deadline_interrupt_ms: String(Math.round(grace.interruptMs)),
    deadline_terminate_ms: String(Math.round(grace.terminateMs)),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${shellQuote(value)}\n`);
  return lines.join("");
}

function checkSite(site: JobSite): void {
  if (!site.siteDir.startsWith("/") || !site.workDir.startsWith("/") || site.siteDir.includes("\n")) {
    throw new BackendFault(
      "site_invalid",
      `the folders of attempt ${site.attemptId} are not absolute paths of one line`,
    );
  }
}
