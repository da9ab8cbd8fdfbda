import type { JobHandle } from "@windrow/backends";
import type { Plan } from "@windrow/model";
import type { Clock } from "@windrow/service";
import type { ActionPort } from "../actions/action-port.ts";
import type { AttemptMemory } from "../journal/attempt-memory.ts";
import type { Journal } from "../journal/journal.ts";
import type { HeldAttempt } from "../leases/held-attempt.ts";
import type { JobMirror } from "../mirrors/mirrors.ts";
import type { StepReporter } from "../reports/step-reporter.ts";
import type { ImagePins } from "./image-pins.ts";
import type { JobEngine } from "./job-engine.ts";
import type { JobFiles } from "./job-files.ts";
import type { JobLogs } from "./job-logs.ts";
import type { JobScope } from "./job-scope.ts";
import type { JobStop } from "./job-stop.ts";
import type { JobView } from "./job-view.ts";
import type { KeptBytes } from "./kept-bytes.ts";

/** A job with its folders, its supervisor and its log: what steps run in. */
export interface OpenJob {
  readonly attempt: HeldAttempt;
  /** How much memory the job may use; undefined where nobody limits it. */
  readonly memoryBytes?: number | undefined;
  readonly plan: Plan;
  readonly jobToken: string;
  /** The agent's copy of the run's repository. */
  readonly mirror: JobMirror | undefined;
  readonly serverUrl: string;
  readonly memory: AttemptMemory;
  readonly handle: JobHandle;
  readonly files: JobFiles;
  readonly scope: JobScope;
  /** Of every step. */
  readonly environment: { readonly [name: string]: string };
  /** Of actions besides: how they come to artifacts and caches. */
  readonly results: { readonly [name: string]: string };
  /** PATH, LANG and the like of the agent; nothing else of its environment reaches a job. */
  readonly machineEnv: { readonly [name: string]: string };
  readonly view: JobView;
  readonly engine: JobEngine;
  /** Ids of images that this job has used, by name; and by the number of the process. */
  readonly images: Map<string, string>;
  readonly pins: ImagePins;
  readonly actions: ActionPort;
  /** Steps may run beside one another. */
  readonly runsBeside: boolean;
  readonly kept: KeptBytes;
  readonly logs: JobLogs;
  readonly reporter: StepReporter;
  readonly journal: Journal;
  readonly stop: JobStop;
  readonly clock: Clock;
  readonly bootClockMs: () => number;
}

/** Numbers of the step with this index in reports and streams; see StepReport. */
export const mainNo = (_plan: Plan, index: number): number => index;
export const postNo = (plan: Plan, index: number): number => plan.steps.length + index;
export const preNo = (plan: Plan, index: number): number => 2 * plan.steps.length + index;

/**
 * The backend's number of a step's process, which it counts from 1: the same one whenever the job is gone through again.
 * `partNo` is 0 for the process of a step that has only one.
 */
export const backendNo = (plan: Pick<Plan, "steps">, stepNo: number, partNo = 0): number =>
  1 + stepNo + 3 * plan.steps.length * partNo;
