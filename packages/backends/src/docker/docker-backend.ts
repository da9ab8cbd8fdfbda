import { BackendFault } from "../backend-fault.ts";
import type { StepBackend } from "../step-backend.ts";
import type { ContainerEngine } from "./container-engine.ts";

export interface DockerBackendOptions {
  readonly engine: ContainerEngine;
  /** Holds the supervisors; must be the host's. */
  readonly host: StepBackend;
  /** Every job's container is made of it. */
  readonly image: string;
}

/** A backend whose every job has a container of one image, in which all its steps run. */
export function createDockerBackend(options: DockerBackendOptions): StepBackend {
  throw new BackendFault("engine_failed", `no job has a container of ${options.image} yet`);
}
