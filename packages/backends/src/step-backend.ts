import type { Confinement, JobLimits } from "@windrow/model";

/** The unprivileged user that a slot's steps run as. */
export interface SlotUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Everything about one attempt on this machine. All paths are absolute; nothing else is needed to find the job again. */
export interface JobSite {
  readonly attemptId: string;
  /** The agent's own (mode 700): spool, step folders, command pipes, deadline, receipt. Made by `openJob`. */
  readonly siteDir: string;
  /** The job's own: workspace, home, temporary files. Must exist before `openJob` (see `prepareWorkDir`). */
  readonly workDir: string;
  /** The small files by which job and agent talk, where they do not stand in `workDir`: a sandboxed job sees it as well. */
  readonly filesDir?: string | undefined;
  /**
   * Undefined: steps run as the agent's own user. Must be this slot's alone: where no namespace holds the job, everything
   * that runs as this user is ended with it.
   */
  readonly user?: SlotUser | undefined;
}

/** How long to wait after each polite signal before the next, harder one. 0 leaves that signal out. */
export interface GraceSequence {
  /** Time after SIGINT. */
  readonly interruptMs: number;
  /** Time after SIGTERM. */
  readonly terminateMs: number;
}

/** Interrupt, 7.5 s, terminate, 2.5 s, kill. */
export const defaultGrace: GraceSequence = { interruptMs: 7_500, terminateMs: 2_500 };

/** No signal but SIGKILL. */
export const noGrace: GraceSequence = { interruptMs: 0, terminateMs: 0 };

export interface OpenJobOptions {
  /** When the supervisor ends the job by itself, on the machine's boot clock (`bootClockMs`). */
  readonly deadlineBootMs: number;
  /** What the supervisor does at the deadline before it kills; `defaultGrace` unless told. */
  readonly deadlineGrace?: GraceSequence | undefined;
  /** How much of the machine the steps see; what the backend was made for unless told. */
  readonly confinement?: Confinement | undefined;
  /** The machine's own, or one with nothing but a loopback; the machine's unless told. */
  readonly network?: "machine" | "own" | undefined;
  readonly limits?: Pick<JobLimits, "memoryBytes" | "processesMax"> | undefined;
}

export interface StartStepOptions {
  /** From 1, in any order, each number once in a job. */
  readonly stepNo: number;
  /** `argv[0]` is looked up on the PATH of `env`. It is visible to other users of the machine: no secrets here. */
  readonly argv: readonly string[];
  /** The whole environment of the step; nothing is inherited. Any name without `=` or NUL, any value without NUL. */
  readonly env: Readonly<Record<string, string>>;
  /** Entered as the job's user. */
  readonly cwd: string;
  /** It may run while other steps do. Where one step of a job does, all of them must be started so. */
  readonly isBeside?: boolean;
  /** In the job's container instead of on the machine; `argv`, `cwd` and what `env` names are as seen there. */
  readonly isInContainer?: boolean;
}

export interface StepExit {
  /** As a shell reports it: 128 + n when the process died of signal n. */
  readonly exitCode: number;
  /**
   * The signal's name when `exitCode` stands for one. A program that itself exits with 143 looks the same as one that died
   * of SIGTERM, as it does to every shell.
   */
  readonly signal?: string | undefined;
  /** The kernel ended a process of the step because the job's memory limit was reached. */
  readonly isOutOfMemory?: boolean | undefined;
  /** Epoch milliseconds, to the hundredth of a second. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** The first so many bytes of the spool are the step's output; what background processes write later is not part of it. */
  readonly spoolBytes: number;
}

export interface CancelReceipt {
  /** The last signal that was sent; `nothing` when the step had already ended. */
  readonly endedBy: "nothing" | "interrupt" | "terminate" | "kill";
  readonly tookMs: number;
}

/** `pid-namespace`, `cgroup`: the kernel knows all of it. `best-effort`: found by user, session and environment; a process may hide. */
export type Containment = "pid-namespace" | "cgroup" | "best-effort";

/** What is known after a job's processes were ended. */
export interface JobReceipt {
  /** Processes of the job that were alive when ending began. 0 if the supervisor had died before. */
  readonly processesEnded: number;
  /** Processes still there afterwards: 0 unless the kernel could not end one. */
  readonly leftCount: number;
  readonly tookMs: number;
  readonly containment: Containment;
  /** The supervisor ended the job because its deadline passed. */
  readonly endedByDeadline: boolean;
}

/** What a job left on disk after its supervisor has gone. */
export interface SiteRemains {
  readonly endedByDeadline: boolean;
  /** By step number: steps that ended and said so. A step that was started and is missing here is lost (`supervisor_gone`). */
  readonly exits: ReadonlyMap<number, StepExit>;
}

/**
 * A way to run the steps of jobs on this machine.
 *
 * Order: `openJob` once per attempt, then steps one at a time, then `closeJob` on every path, also after a fault, then
 * `wipeSite` when the spools have been shipped.
 * After a restart of the agent `attachJob` takes the place of `openJob`; steps that ran or ended meanwhile are all there,
 * byte for byte. Jobs are independent of each other and may be opened, run and closed at the same time.
 *
 * Failures are `BackendFault`s (the world broke: retryable, never the user's fault). A step that fails is a value.
 */
export interface StepBackend {
  readonly name: string;
  /** Makes the site folder and starts the supervisor, which outlives the agent. Throws `site_exists` if the site is in use. */
  openJob(site: JobSite, options: OpenJobOptions): Promise<JobHandle>;
  /** The job opened earlier, also by a process that has died since; undefined when its supervisor is gone. */
  attachJob(site: JobSite): Promise<JobHandle | undefined>;
  /** For a site whose supervisor is gone. A folder that is not there has no remains: undefined. */
  readRemains(site: JobSite): Promise<SiteRemains | undefined>;
  /**
   * `closeJob` for a job nobody is attached to, whether its supervisor lives or is gone (then its processes may still run
   * where no namespace held them). Undefined: there is no such site.
   */
  endRemains(site: JobSite): Promise<JobReceipt | undefined>;
  /** Lets go of what is kept ready for later jobs. Open jobs go on; opening others afterwards is allowed, only slower. */
  close(): Promise<void>;
}

/** One open job. Calls may overlap, except that a step may be started only after the one before it ended, unless
 * both are started with `isBeside`. */
export interface JobHandle {
  readonly site: JobSite;
  readonly containment: Containment;
  /**
   * The outermost process of the job as seen by the machine: killing it kills the job where a PID namespace holds it. After
   * `closeJob` it may be another job's.
   */
  readonly supervisorPid: number;
  /**
   * Returns when the step's process was started. Idempotent per `stepNo`: a step that runs or has ended is not started again.
   * Throws `step_running` while another step runs (and it was not asked to run beside it), `step_invalid` for an environment that no process can have,
   * `supervisor_gone`. In a container: see `prepareDoor`.
   */
  startStep(options: StartStepOptions): Promise<void>;
  /**
   * Waits for the end of the step's first process (background processes it left go on). When it returns every byte the step
   * wrote is in the spool. Throws `supervisor_gone` if the supervisor died without saying how the step ended,
   * `container_gone` if the job's container ended under the step, the signal's reason when `signal` aborts (the step goes on).
   */
  waitStep(stepNo: number, signal?: AbortSignal): Promise<StepExit>;
  /** The raw output, both streams, appended only by the supervisor; there once `startStep` returned. */
  spoolPath(stepNo: number): string;
  /**
   * Replaces the deadline atomically; boot clock. The supervisor looks at least once a second. `grace` replaces what
   * `openJob` was told, also for later deadlines set here.
   */
  setDeadline(deadlineBootMs: number, grace?: GraceSequence): Promise<void>;
  /**
   * SIGINT to the step's process group, grace, SIGTERM, grace, then SIGKILL to its whole session. Returns when the step
   * has ended. Background processes of earlier steps are left alone.
   */
  cancelStep(stepNo: number, grace?: GraceSequence): Promise<CancelReceipt>;
  /**
   * Ends everything that is left of the job, then the supervisor. Idempotent; a call with less grace hurries one under way.
   * `grace` is `noGrace` unless told. Spools stay until `wipeSite`.
   */
  closeJob(grace?: GraceSequence): Promise<JobReceipt>;
  /** Lets go of pipes and watchers in this process; the job goes on. The handle must not be used afterwards. */
  detach(): void;
}
