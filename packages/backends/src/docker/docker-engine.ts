import { BackendFault } from "../backend-fault.ts";
import type { ContainerEngine } from "./container-engine.ts";

export interface DockerEngineOptions {
  /** `unix:///…`: the engine runs on this machine, or nothing it mounts would be there. */
  readonly socket: string;
  /** Stands on everything that is made, so that the agents of one machine leave each other's alone. */
  readonly agentId: string;
  /** The agent's own (mode 700): remembers which images it brought here. */
  readonly agentDir: string;
  /** IPv4, /16 or smaller; jobs get /28 networks out of its upper half. */
  readonly subnet?: string | undefined;
  /** For registries that jobs name no credentials for, by host (`docker.io` for images without one). */
  readonly registryAuth?:
    | Readonly<Record<string, { readonly username: string; readonly password: string }>>
    | undefined;
}

/** A Docker engine of this machine, for the jobs of one agent. Needs root. Nothing is asked of the engine before `open`. */
export function createDockerEngine(options: DockerEngineOptions): ContainerEngine {
  throw new BackendFault("engine_failed", `the engine at ${options.socket} is not spoken to yet`);
}
