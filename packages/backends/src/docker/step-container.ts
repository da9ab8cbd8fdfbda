import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { join } from "node:path";
import { hasCode, systemClock } from "@windrow/service";
import type Docker from "dockerode";
import { BackendFault, isBackendFault } from "../backend-fault.ts";
import type { CancelReceipt, GraceSequence, JobSite, StepExit } from "../step-backend.ts";
import { explainEngine, ifThere, orGone } from "./engine-connection.ts";
import type { EngineParts } from "./engine-parts.ts";
import { followLog } from "./follow-log.ts";

const LOOK_AGAIN_MS = 500;

/** A step that is a container of its own: its log is brought into the spool while it runs, and its end is written down. */
export class StepContainer {
  readonly stepNo: number;
  #site: JobSite;
  #engine: Pick<EngineParts, "docker" | "quick">;
  /** For what is answered at once. */
  #container: Docker.Container;
  /** For what is answered when it ends. */
  #waited: Docker.Container;
  #followed: Promise<StepExit>;
  #holderId: string;
  #lettingGo = new AbortController();

  constructor(options: {
    readonly site: JobSite;
    readonly stepNo: number;
    readonly engine: Pick<EngineParts, "docker" | "quick">;
    readonly containerId: string;
    /** Has the job's network, and ends by nobody's hand but the engine's while the job goes on. */
    readonly holderId: string;
  }) {
    this.stepNo = options.stepNo;
    this.#site = options.site;
    const { docker, quick } = options.engine;
    this.#engine = options.engine;
    this.#holderId = options.holderId;
    this.#container = quick.getContainer(options.containerId);
    this.#waited = docker.getContainer(options.containerId);
    mkdirSync(join(this.#site.siteDir, "spool"), { recursive: true, mode: 0o700 });
    mkdirSync(join(this.#site.siteDir, "container-steps"), { recursive: true, mode: 0o700 });
    // there from the start, so that it can be followed before the first byte
    writeFileSync(spoolPath(this.#site, this.stepNo), "", { mode: 0o600, flag: "a" });
    this.#followed = Promise.reject(new BackendFault("step_unknown", `step ${this.stepNo} was not started`));
    this.#followed.catch(() => undefined);
  }

  follow(): void {
    this.#followed = this.#follow();
    // whoever waits for the step is told
    this.#followed.catch(() => undefined);
  }

  async wait(signal?: AbortSignal): Promise<StepExit> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([this.#followed, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** As a step's processes are ended: politely, less politely, for good. */
  async cancel(grace: GraceSequence): Promise<CancelReceipt> {
    const beganMs = systemClock.monotonicMs();
    const signals = [
      { endedBy: "interrupt", name: "SIGINT", waitMs: grace.interruptMs },
      { endedBy: "terminate", name: "SIGTERM", waitMs: grace.terminateMs },
    ] as const;
    let endedBy: CancelReceipt["endedBy"] = "nothing";
    for (const { endedBy: how, name, waitMs } of signals) {
      if (waitMs <= 0 || (await this.#isEnded())) continue;
      await orGone(() => this.#container.kill({ signal: name }));
      endedBy = how;
      await this.#endedWithin(waitMs);
    }
    if (!(await this.#isEnded())) {
      endedBy = "kill";
      await orGone(() => this.#container.kill({ signal: "SIGKILL" }));
    }
    await this.#followed;
    return { endedBy, tookMs: Math.round(systemClock.monotonicMs() - beganMs) };
  }

  detach(): void {
    this.#lettingGo.abort(new BackendFault("step_unknown", `step ${this.stepNo} is not watched any more`));
  }

  async #follow(): Promise<StepExit> {
    const known = readExit(this.#site, this.stepNo);
    if (known !== undefined) return known;
    const path = spoolPath(this.#site, this.stepNo);
    const { signal } = this.#lettingGo;
    for (;;) {
      try {
        await followLog({ engine: this.#engine, containerId: this.#container.id, path, signal });
        const { State: state } = await this.#container.inspect({ abortSignal: signal });
        if (state.Running || state.Restarting) continue;
        if (state.ExitCode > 128) await this.#throwIfEngineEnded();
        return this.#writeDown(state);
      } catch (error) {
        signal.throwIfAborted();
        if (isBackendFault(error)) throw error;
        if (hasCode(error, "ENOSPC")) {
          const what = `the output of step ${this.stepNo} of attempt ${this.#site.attemptId} could not be stored: the disk is full`;
          throw new BackendFault("spool_failed", what, { cause: error });
        }
        if (!(await this.#isThere())) {
          throw new BackendFault("container_gone", `the container of step ${this.stepNo} is gone`, { cause: error });
        }
        await systemClock.sleep(LOOK_AGAIN_MS, signal);
      }
    }
  }

  /** An engine that is stopped or restarted ends all of its containers: that is no end of a step. */
  async #throwIfEngineEnded(): Promise<void> {
    const holder = await ifThere(() => this.#engine.quick.getContainer(this.#holderId).inspect());
    if (holder?.State.Running === true || this.#lettingGo.signal.aborted) return;
    throw new BackendFault("container_gone", `the engine ended the container of step ${this.stepNo}`);
  }

  #writeDown(state: Docker.ContainerInspectInfo["State"]): StepExit {
    const exitCode = state.ExitCode;
    const signal = Object.entries(osConstants.signals).find(([, number]) => number === exitCode - 128)?.[0];
    const startedAtMs = Date.parse(state.StartedAt);
    const exit: StepExit = {
      exitCode,
      ...(signal !== undefined && { signal }),
      ...(state.OOMKilled && { isOutOfMemory: true }),
      startedAtMs,
      // the engine writes the start down when the process runs already, and it may have been a short one
      endedAtMs: Math.max(startedAtMs, Date.parse(state.FinishedAt)),
      spoolBytes: statSync(spoolPath(this.#site, this.stepNo)).size,
    };
    const path = exitPath(this.#site, this.stepNo);
    writeFileSync(`${path}.new`, JSON.stringify(exit), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return exit;
  }

  async #isThere(): Promise<boolean> {
    try {
      return (await ifThere(() => this.#container.inspect())) !== undefined;
    } catch (error) {
      throw explainEngine(`step ${this.stepNo} cannot be followed`, error);
    }
  }

  async #isEnded(): Promise<boolean> {
    const found = await ifThere(() => this.#container.inspect());
    return found === undefined || !found.State.Running;
  }

  async #endedWithin(waitMs: number): Promise<void> {
    const limit = new AbortController();
    const ended = this.#waited.wait({ condition: "not-running", abortSignal: limit.signal }).catch(() => undefined);
    await Promise.race([ended, systemClock.sleep(waitMs, limit.signal)]);
    limit.abort();
  }
}

export function spoolPath(site: JobSite, stepNo: number): string {
  return join(site.siteDir, "spool", String(stepNo));
}

function exitPath(site: JobSite, stepNo: number): string {
  return join(site.siteDir, "container-steps", `${stepNo}.json`);
}

function readExit(site: JobSite, stepNo: number): StepExit | undefined {
  try {
    return JSON.parse(readFileSync(exitPath(site, stepNo), "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
