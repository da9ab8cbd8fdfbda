import { BackendFault, findNetworkTools, listenAllInside } from "@windrow/backends";
import type { Clock, Logger } from "@windrow/service";
import type { Gateway } from "../gateway/gateway.ts";
import type { JobNetworks } from "./job-network.ts";

export interface JobNetworksOptions {
  readonly gateway: Pick<Gateway, "port" | "serve">;
  /** Names and addresses of what jobs may not reach: what the farm said last. */
  readonly farmAddresses: () => readonly string[];
  /** Of all jobs of this machine, a /16: the lower half of sandboxed jobs, the upper half of the engine's networks. */
  readonly subnet?: string;
  /** Of this agent alone. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes networks of jobs; one per agent. */
export async function createJobNetworks(options: JobNetworksOptions): Promise<JobNetworks> {
  const { gateway } = options;
  const tools = await findNetworkTools();
  return {
    problem: "problem" in tools ? tools.problem : undefined,
    async open(request) {
      if ("problem" in tools) throw new BackendFault("network_failed", tools.problem);
      const ports = [gateway.port, ...request.ports];
      const { servers } = await listenAllInside(
        request.pid,
        ports.map((port) => ({ protocol: "tcp", address: "127.0.0.1", port })),
      );
      servers[0]?.on("connection", gateway.serve);
      return {
        env: {},
        async close() {
          for (const server of servers) server.close();
        },
      };
    },
    async close() {},
  };
}
