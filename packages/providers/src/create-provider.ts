import { join } from "node:path";
import type { ProviderSettings } from "@windrow/model";
import type { Clock } from "@windrow/service";
import type { AgentProvider } from "./agent-provider.ts";
import { createCommandProvider } from "./command/create-command-provider.ts";
import type { EngineTls } from "./docker/connect-engine.ts";
import { createDockerProvider } from "./docker/create-docker-provider.ts";
import { createProcessProvider } from "./process/create-process-provider.ts";
import { ProviderError } from "./provider-error.ts";

/** What providers have of the machine and the farm that they work for. */
export interface ProviderHost {
  /** Stable, of the farm. */
  readonly farmId: string;
  /** A folder of this farm and this host alone; absolute. */
  readonly dir: string;
  /** What agents and commands inherit: PATH and the like, no secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** The agent's program and its arguments; absent where agents cannot be run as processes. */
  readonly agentCommand?: readonly string[];
  /** For Docker engines on the network. */
  readonly engineTls?: EngineTls;
  readonly clock: Clock;
}

/** The provider of a pool's settings. Throws ProviderError when they cannot be right. */
export function createProvider(settings: ProviderSettings, host: ProviderHost): AgentProvider {
  const { farmId, environment, agentCommand: command, engineTls, clock } = host;
  switch (settings.kind) {
    case "process": {
      if (command === undefined || command.length === 0) {
        const message = "this controller does not know the agent's command (WINDROW_MACHINES_AGENT_COMMAND)";
        throw new ProviderError(message, { retryable: false });
      }
      return createProcessProvider({ dir: join(host.dir, "processes"), command, environment, clock });
    }
    case "docker":
      return createDockerProvider({ farmId, settings, ...(engineTls !== undefined && { tls: engineTls }) });
    case "command":
      return createCommandProvider({ farmId, settings, dir: join(host.dir, "tokens"), environment, clock });
  }
}
