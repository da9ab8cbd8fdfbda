import type { ProviderSettings } from "@windrow/model";
import type Docker from "dockerode";
import type { MachineRequest } from "../agent-provider.ts";
import { TOKEN_FILE } from "./token-archive.ts";

export const LABEL_FARM = "windrow.farm";
export const LABEL_POOL = "windrow.pool";
export const LABEL_MACHINE = "windrow.machine";

const FARM_CHARS = 8;
/** Enough for large builds, and an end to what forks without one. */
const PIDS_MAX = 8_192;
const LOG_SIZE_MAX = "10m";

export function containerName(farmId: string, machine: string): string {
  return `windrow-${farmId.slice(0, FARM_CHARS)}-${machine}`;
}

/** The container of one machine: nothing in it is secret, since whoever may ask the engine reads all of it. */
export function describeContainer(options: {
  readonly farmId: string;
  readonly settings: Extract<ProviderSettings, { kind: "docker" }>;
  readonly request: MachineRequest;
}): Docker.ContainerCreateOptions {
  const { farmId, settings, request } = options;
  const { network, memoryBytes, cpus } = settings;
  return {
    name: containerName(farmId, request.name),
    Image: settings.image,
    Hostname: request.name.slice(0, 63),
    Labels: { [LABEL_FARM]: farmId, [LABEL_POOL]: request.pool, [LABEL_MACHINE]: request.name },
    Env: [
      `WINDROW_URL=${request.url}`,
      `WINDROW_JOIN_TOKEN_FILE=${TOKEN_FILE}`,
      `WINDROW_AGENT_NAME=${request.name}`,
      `WINDROW_AGENT_SLOTS=${request.slots}`,
      "WINDROW_AGENT_STOP=now",
      ...(request.isEphemeral ? ["WINDROW_AGENT_ONCE=1"] : []),
    ],
    HostConfig: {
      // an agent that ended is replaced by the farm, which knows whether it is still wanted
      RestartPolicy: { Name: "no" },
      Privileged: false,
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: PIDS_MAX,
      LogConfig: { Type: "json-file", Config: { "max-size": LOG_SIZE_MAX, "max-file": "1" } },
      ...(network !== undefined && { NetworkMode: network }),
      // no swap beyond it, or the limit would be none
      ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    },
  };
}
