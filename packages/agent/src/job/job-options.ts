import type { ContainerEngine, JobHandle, JobSite, StepBackend } from "@windrow/backends";
import type { Confinement, JobPolicy, Plan } from "@windrow/model";
import type { Clock, Logger } from "@windrow/service";
import type { ActionPort } from "../actions/action-port.ts";
import type { AttemptMemory } from "../journal/attempt-memory.ts";
import type { Journal } from "../journal/journal.ts";
import type { HeldAttempt } from "../leases/held-attempt.ts";
import type { LeaseKeeper } from "../leases/lease-keeper.ts";
import type { JobMirror, Mirrors } from "../mirrors/mirrors.ts";
import type { JobNetworks } from "../network/job-network.ts";
import type { StepReporter } from "../reports/step-reporter.ts";
import type { ImagePins } from "./image-pins.ts";
import type { JobFiles } from "./job-files.ts";
import type { JobLogs } from "./job-logs.ts";

/** What is the same for all jobs of an agent. */
export interface JobMachine {
  readonly backend: StepBackend;
  /** Undefined: no engine is here, so jobs that need containers fail. */
  readonly containers: ContainerEngine | undefined;
  /** Undefined: no job has a network of its own here. */
  readonly networks: JobNetworks | undefined;
  /** Of jobs whose pool says nothing of it; undefined where the backend knows. */
  readonly confinement?: Confinement | undefined;
  readonly agentName: string;
  readonly serverUrl: string;
  readonly apiUrl: string;
  /** Where actions find artifacts and caches. */
  readonly resultsUrl: string;
  readonly machineEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
  /** Where trees of actions stand; a step may name files there. */
  readonly actionsDir: string;
  /** Absent: checkouts fetch everything. */
  readonly mirrors?: Mirrors | undefined;
  /** Folders of tools that containers have in the same place, to read. */
  readonly toolDirs: readonly string[];
  readonly clock: Clock;
  readonly bootClockMs: () => number;
  readonly journal: Journal;
  readonly keeper: LeaseKeeper;
  readonly logger: Logger;
}

export interface RunJobOptions {
  readonly machine: JobMachine;
  readonly attempt: HeldAttempt;
  readonly plan: Plan;
  /** How the pool runs its jobs. */
  readonly policy: JobPolicy;
  /** The document that the plan names. */
  readonly eventJson: string;
  readonly actions: ActionPort;
  readonly jobToken: string;
  /** Of the run's repository. */
  readonly mirror?: JobMirror | undefined;
  readonly memory: AttemptMemory;
  readonly site: JobSite;
  readonly files: JobFiles;
  /** The job's supervisor, when it was started while the start was asked for. */
  readonly ahead?: Promise<JobHandle> | undefined;
  /** Which images other jobs of the run use; unknown unless told. */
  readonly pins?: ImagePins;
  readonly logs: JobLogs;
  readonly reporter: StepReporter;
}
