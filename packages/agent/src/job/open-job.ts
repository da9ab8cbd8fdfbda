import type { JobHandle } from "@windrow/backends";
import type { Plan } from "@windrow/model";
import type { Clock } from "@windrow/service";
import type { AttemptMemory } from "../journal/attempt-memory.ts";
import type { Journal } from "../journal/journal.ts";
import type { HeldAttempt } from "../leases/held-attempt.ts";
import type { StepReporter } from "../reports/step-reporter.ts";
import type { JobFiles } from "./job-files.ts";
import type { JobLogs } from "./job-logs.ts";
import type { JobScope } from "./job-scope.ts";
import type { JobStop } from "./job-stop.ts";

/** A job with its folders, its supervisor and its log: what steps run in. */
export interface OpenJob {
  readonly attempt: HeldAttempt;
  readonly plan: Plan;
  readonly jobToken: string;
  readonly serverUrl: string;
  readonly memory: AttemptMemory;
  readonly handle: JobHandle;
  readonly files: JobFiles;
  readonly scope: JobScope;
  /** Of every step. */
  readonly environment: { readonly [name: string]: string };
  readonly machineEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
  readonly logs: JobLogs;
  readonly reporter: StepReporter;
  readonly journal: Journal;
  readonly stop: JobStop;
  readonly clock: Clock;
  readonly bootClockMs: () => number;
}
