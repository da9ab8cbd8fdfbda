import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import { encodeContainerScript } from "../door/container-script.ts";
import { closeStepDoor, StepDoor } from "../door/step-door.ts";
import { clearLeftovers } from "../leftovers/clear-leftovers.ts";
import { removeJobCgroups } from "../limits/job-cgroups.ts";
import {
  type CancelReceipt,
  type Containment,
  defaultGrace,
  type GraceSequence,
  type JobHandle,
  type JobReceipt,
  type JobSite,
  noGrace,
  type StartStepOptions,
  type StepExit,
} from "../step-backend.ts";
import { endJob } from "./end-job.ts";
import type { HostTools } from "./host-tools.ts";
import type { KeptSupervisor, NextSitePipe } from "./kept-supervisors.ts";
import { encodeLaunchScript } from "./launch-script.ts";
import { noteCareful } from "./note-careful.ts";
import type { PipeStock } from "./pipe-stock.ts";
import { isProcessAlive, type ProcessIdentity } from "./process-identity.ts";
import { encodeGrace, readSiteLine, type SiteSettings, sendCommand, wasReleased, writeDeadline } from "./site-files.ts";
import { readStepExit } from "./step-exit.ts";
import type { SupervisorLine } from "./supervisor-line.ts";

/** How often a waiting call looks by itself, in case news were missed. */
const lookEveryMs = 2_000;

export interface HostJobParts extends SiteSettings {
  readonly site: JobSite;
  readonly tools: HostTools;
  readonly supervisor: ProcessIdentity;
  readonly line: SupervisorLine;
  readonly pipes: PipeStock;
  /** When this process may give the supervisor another site after this one. */
  readonly next?: NextSitePipe | undefined;
  readonly keep?: ((supervisor: KeptSupervisor) => void) | undefined;
  /** The step that an earlier agent started and that may still run. */
  readonly lastStepNo?: number | undefined;
}

/** A job under a supervisor on this machine. All its state is in the site folder; an agent may vanish at any line. */
export class HostJob implements JobHandle {
  readonly site: JobSite;
  readonly containment: Containment;
  readonly supervisorPid: number;
  #parts: HostJobParts;
  #lastStepNo: number | undefined;
  #deadlineGrace: GraceSequence | undefined;
  /** Undefined once it was passed on or let go. */
  #next: NextSitePipe | undefined;
  #isReleased = false;

  constructor(parts: HostJobParts) {
    this.#parts = parts;
    this.#next = parts.next;
    this.site = parts.site;
    this.containment = parts.containment;
    this.supervisorPid = parts.supervisor.pid;
    this.#lastStepNo = parts.lastStepNo;
  }

  async startStep(options: StartStepOptions): Promise<void> {
    const { stepNo, isInContainer = false } = options;
    const door = isInContainer ? new StepDoor(this.site, stepNo) : undefined;
    const script = door === undefined ? this.#encodeScript(options) : encodeContainerScript(options);
    if (this.#wasStarted(stepNo)) return;
    if (!options.isBeside) this.#refuseWhileAnotherRuns(stepNo);
    this.#lastStepNo = stepNo;
    const folder = this.#path(`steps/${stepNo}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (door === undefined) this.#writeLaunch(join(folder, "launch"), script);
    // There from the start, so that it can be followed before the first byte.
    writeFileSync(this.spoolPath(stepNo), "", { mode: 0o600, flag: "a" });
    noteCareful(this.site, stepNo);
    await this.#preparePipe(stepNo, isInContainer);
    await door?.open(script);
    const verb = options.isBeside ? "beside" : "start";
    sendCommand(this.site, "run", isInContainer ? `${verb} ${stepNo} door` : `${verb} ${stepNo}`);
    await this.#lookUntil(() => this.#wasStarted(stepNo) || undefined, `starting step ${stepNo}`);
  }

  async waitStep(stepNo: number, signal?: AbortSignal): Promise<StepExit> {
    const exit = await this.#lookUntil(() => readStepExit(this.site, stepNo), `step ${stepNo}`, signal);
    // The script holds the step's secrets; nobody needs it once the step has ended.
    rmSync(this.#path(`steps/${stepNo}/launch`), { force: true });
    closeStepDoor(this.site, stepNo);
    return exit;
  }

  spoolPath(stepNo: number): string {
    return this.#path(`spool/${stepNo}`);
  }

  async setDeadline(deadlineBootMs: number, grace?: GraceSequence): Promise<void> {
    this.#deadlineGrace = grace ?? this.#deadlineGrace;
    writeDeadline(this.site, deadlineBootMs, this.#deadlineGrace);
  }

  async cancelStep(stepNo: number, grace: GraceSequence = defaultGrace): Promise<CancelReceipt> {
    const beganMs = performance.now();
    if (!this.#hasEnded(stepNo)) {
      if (!this.#wasStarted(stepNo)) {
        throw new BackendFault("step_unknown", `step ${stepNo} of attempt ${this.site.attemptId} was not started`);
      }
      sendCommand(this.site, "ctl", `cancel ${stepNo} ${encodeGrace(grace)}`);
      await this.waitStep(stepNo);
    }
    const [endedBy = "nothing"] = readSiteLine(this.site, `steps/${stepNo}/cancelled`) ?? [];
    return { endedBy: decodeEndedBy(endedBy), tookMs: Math.round(performance.now() - beganMs) };
  }

  async closeJob(grace: GraceSequence = noGrace): Promise<JobReceipt> {
    const { receipt, isReleased } = await endJob({ ...this.#parts, isReleased: this.#isReleased }, grace);
    this.#isReleased ||= isReleased;
    await removeJobCgroups(this.site);
    await clearLeftovers(this.#parts.uid);
    const next = this.#next;
    this.#next = undefined;
    if (isReleased && next !== undefined) this.#parts.keep?.({ identity: this.#parts.supervisor, next });
    else next?.close();
    return receipt;
  }

  detach(): void {
    this.#next?.close();
    this.#next = undefined;
    this.#parts.line.close();
  }

  /** Calls `look` until it answers, at every news and every few seconds. Throws `supervisor_gone` when no answer can come. */
  async #lookUntil<T>(look: () => T | undefined, what: string, signal?: AbortSignal): Promise<T> {
    const { line, supervisor } = this.#parts;
    for (;;) {
      signal?.throwIfAborted();
      const news = line.nextNews(lookEveryMs, signal);
      const answer = look();
      if (answer !== undefined) return answer;
      if (line.isGone || !isProcessAlive(supervisor) || this.#isReleased || wasReleased(this.site)) {
        // An answer written just before the supervisor went must be seen.
        const lastAnswer = look();
        if (lastAnswer !== undefined) return lastAnswer;
        throw new BackendFault(
          "supervisor_gone",
          `the supervisor of attempt ${this.site.attemptId} went without an answer for ${what}`,
        );
      }
      await news;
    }
  }

  #encodeScript(options: StartStepOptions): string {
    const { tools, containment, cookie, isSandboxed } = this.#parts;
    const env = containment === "best-effort" ? { ...options.env, [cookie.name]: cookie.value } : options.env;
    return encodeLaunchScript({ ...options, env }, { oddNameLauncher: tools.oddNameLauncher, isSandboxed });
  }

  #wasStarted(stepNo: number): boolean {
    return readSiteLine(this.site, `steps/${stepNo}/started`) !== undefined;
  }

  /** However it ended, and whatever became of its output. */
  #hasEnded(stepNo: number): boolean {
    return readSiteLine(this.site, `steps/${stepNo}/exit`) !== undefined;
  }

  #refuseWhileAnotherRuns(stepNo: number): void {
    const other = this.#lastStepNo;
    if (other === undefined || other === stepNo) return;
    if (!this.#hasEnded(other)) {
      throw new BackendFault("step_running", `step ${other} still runs; step ${stepNo} cannot be started beside it`);
    }
  }

  /** The job's user opens it by a descriptor it is given; the folder is closed to it. */
  #writeLaunch(path: string, script: string): void {
    const { user } = this.site;
    const file = openSync(path, "w", 0o600);
    try {
      writeFileSync(file, script);
      if (user !== undefined) fchownSync(file, user.uid, user.gid);
    } finally {
      closeSync(file);
    }
  }

  /** The step may write to its pipe by name (/dev/stdout), but not read from it: its output cannot be taken from the log. */
  async #preparePipe(stepNo: number, isInContainer: boolean): Promise<void> {
    const pipe = this.#path(`pipe.${stepNo}`);
    if (!existsSync(pipe)) await this.#parts.pipes.take(pipe);
    const { user } = this.site;
    if (isInContainer || user === undefined) return;
    chmodSync(pipe, 0o200);
    chownSync(pipe, user.uid, user.gid);
  }

  #path(name: string): string {
    return join(this.site.siteDir, name);
  }
}

function decodeEndedBy(word: string): CancelReceipt["endedBy"] {
  return word === "interrupt" || word === "terminate" || word === "kill" ? word : "nothing";
}
