import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type {
  CancelReceipt,
  JobHandle,
  JobReceipt,
  JobSite,
  OpenJobOptions,
  SiteRemains,
  StartStepOptions,
  StepBackend,
  StepExit,
} from "../step-backend.ts";

/** What one step does. */
export interface ScriptedStep {
  /** Written to the spool when the step starts. */
  readonly output?: string | Uint8Array | undefined;
  readonly exitCode?: number | undefined;
  /** The step ends when this resolves; at once unless told. A cancel ends it anyway. */
  readonly until?: Promise<void> | undefined;
}

export interface ScriptedBackend extends StepBackend {
  /** Steps as they were started, in order. */
  readonly started: readonly (StartStepOptions & { readonly attemptId: string })[];
  /** As if the supervisor had been killed: no step of the job ends any more. */
  killSupervisor(attemptId: string): void;
  /** As if the deadline had passed, whatever it is. */
  passDeadline(attemptId: string): void;
  deadlineOf(attemptId: string): number | undefined;
}

/**
 * Steps that only say what they are told to say, for tests of what stands above a backend. No process is started; the
 * spools are real files. `script` decides by what was asked to run.
 */
export function createScriptedBackend(
  script: (step: StartStepOptions & { readonly attemptId: string }) => ScriptedStep,
): ScriptedBackend {
  const jobs = new Map<string, ScriptedJob>();
  const started: (StartStepOptions & { readonly attemptId: string })[] = [];
  return {
    name: "scripted",
    started,
    async openJob(site, options) {
      if (jobs.has(site.siteDir)) {
        throw new BackendFault("site_exists", `attempt ${site.attemptId} was opened before`);
      }
      await mkdir(join(site.siteDir, "spool"), { recursive: true });
      const job = new ScriptedJob(site, options, (step) => {
        const named = { ...step, attemptId: site.attemptId };
        started.push(named);
        return script(named);
      });
      jobs.set(site.siteDir, job);
      return job;
    },
    async attachJob(site) {
      const job = jobs.get(site.siteDir);
      return job?.isGone === false ? job : undefined;
    },
    async readRemains(site) {
      return jobs.get(site.siteDir)?.remains();
    },
    async endRemains(site) {
      return jobs.get(site.siteDir)?.closeJob();
    },
    async close() {},
    killSupervisor: (attemptId) => byAttempt(attemptId).end(),
    passDeadline: (attemptId) => byAttempt(attemptId).passDeadline(),
    deadlineOf: (attemptId) => byAttempt(attemptId).deadlineBootMs,
  };

  function byAttempt(attemptId: string): ScriptedJob {
    const job = [...jobs.values()].find((candidate) => candidate.site.attemptId === attemptId);
    if (job === undefined) throw new BackendFault("site_invalid", `attempt ${attemptId} was not opened`);
    return job;
  }
}

interface RunningStep {
  readonly exit: Promise<StepExit>;
  readonly end: (exitCode: number, signal?: string) => void;
  ended: StepExit | undefined;
}

class ScriptedJob implements JobHandle {
  readonly site: JobSite;
  readonly containment = "pid-namespace";
  readonly supervisorPid = 0;
  deadlineBootMs: number;
  isGone = false;
  #play: (step: StartStepOptions) => ScriptedStep;
  #steps = new Map<number, RunningStep>();
  #gone = Promise.withResolvers<void>();
  #endedByDeadline = false;

  constructor(site: JobSite, options: OpenJobOptions, play: (step: StartStepOptions) => ScriptedStep) {
    this.site = site;
    this.deadlineBootMs = options.deadlineBootMs;
    this.#play = play;
  }

  async startStep(options: StartStepOptions): Promise<void> {
    const { stepNo } = options;
    if (this.#steps.has(stepNo)) return;
    this.#refuseGone();
    for (const [no, step] of this.#steps) {
      if (step.ended === undefined && !options.isBeside)
        throw new BackendFault("step_running", `step ${no} still runs`);
    }
    const { promise, resolve } = Promise.withResolvers<StepExit>();
    const startedAtMs = Date.now();
    const played = this.#play(options);
    const output = Buffer.from(played.output ?? "");
    const step: RunningStep = {
      exit: promise,
      ended: undefined,
      end: (exitCode, signal) => {
        if (step.ended !== undefined || this.isGone) return;
        const named = signal === undefined ? {} : { signal };
        step.ended = { exitCode, ...named, startedAtMs, endedAtMs: Date.now(), spoolBytes: output.length };
        resolve(step.ended);
      },
    };
    this.#steps.set(stepNo, step);
    await appendFile(this.spoolPath(stepNo), output);
    const end = () => step.end(played.exitCode ?? 0);
    if (played.until === undefined) end();
    else void played.until.then(end);
  }

  async waitStep(stepNo: number, signal?: AbortSignal): Promise<StepExit> {
    signal?.throwIfAborted();
    const step = this.#steps.get(stepNo);
    if (step?.ended !== undefined) return step.ended;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const gone = this.#gone.promise.then((): never => {
      throw new BackendFault("supervisor_gone", `the supervisor went without an answer for step ${stepNo}`);
    });
    try {
      return await Promise.race([...(step ? [step.exit] : []), gone, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  spoolPath(stepNo: number): string {
    return join(this.site.siteDir, "spool", String(stepNo));
  }

  async setDeadline(deadlineBootMs: number): Promise<void> {
    this.deadlineBootMs = deadlineBootMs;
  }

  async cancelStep(stepNo: number): Promise<CancelReceipt> {
    const step = this.#steps.get(stepNo);
    if (step === undefined) throw new BackendFault("step_unknown", `step ${stepNo} was not started`);
    if (step.ended !== undefined) return { endedBy: "nothing", tookMs: 0 };
    this.#refuseGone();
    step.end(130, "SIGINT");
    return { endedBy: "interrupt", tookMs: 0 };
  }

  async closeJob(): Promise<JobReceipt> {
    const running = [...this.#steps.values()].filter((step) => step.ended === undefined);
    const processesEnded = this.isGone ? 0 : running.length;
    for (const step of running) step.end(137, "SIGKILL");
    this.end();
    const { containment } = this;
    return { processesEnded, leftCount: 0, tookMs: 0, containment, endedByDeadline: this.#endedByDeadline };
  }

  detach(): void {
    // Nothing is held on to; the job lives in the backend.
  }

  end(): void {
    this.isGone = true;
    this.#gone.resolve();
  }

  passDeadline(): void {
    this.#endedByDeadline = true;
    for (const step of this.#steps.values()) step.end(130, "SIGINT");
    this.end();
  }

  remains(): SiteRemains {
    const exits = new Map<number, StepExit>();
    for (const [no, step] of this.#steps) if (step.ended !== undefined) exits.set(no, step.ended);
    return { exits, endedByDeadline: this.#endedByDeadline };
  }

  #refuseGone(): void {
    if (this.isGone) throw new BackendFault("supervisor_gone", `the supervisor of ${this.site.attemptId} is gone`);
  }
}
