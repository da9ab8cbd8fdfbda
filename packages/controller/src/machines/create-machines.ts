import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isLoopbackAddress } from "@windrow/certificates";
import type { EngineTls, ProviderHost } from "@windrow/providers";
import type { Clock, Logger, Service } from "@windrow/service";
import { type Database, type MachineRow, readFarmId } from "@windrow/store";
import type { Registry } from "prom-client";
import type { ControllerConfig, MachinesConfig } from "../config.ts";
import type { PoolTerms } from "../dispatch/pool-terms.ts";
import { bracketed, PLAIN_ADDRESS } from "../own-addresses.ts";
import { createMachineKeeper, type MachineKeeper } from "./create-machine-keeper.ts";
import { createMachineMetrics } from "./machine-metrics.ts";
import { createMachineTokens } from "./machine-tokens.ts";

export interface MachinesOptions {
  readonly db: Database;
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly terms: Pick<PoolTerms, "find">;
  readonly authorityFingerprint: string;
  readonly publicUrl: () => string;
  /** Of plain HTTP, once it is served. */
  readonly httpPort: () => number;
  readonly removeAgent: (agentId: string, reason: string) => Promise<void>;
}

/** The keeper of machines as the configuration says; nothing where none are made. */
export function createMachines(options: MachinesOptions): Service {
  const { config, db, clock, logger } = options;
  const { machines } = config;
  const metrics = createMachineMetrics(options.registry, db);
  let keeper: MachineKeeper | undefined;
  return {
    async start() {
      if (machines === undefined) return;
      keeper = createMachineKeeper({
        ...{ db, clock, logger, metrics, terms: options.terms, hostname: config.hostname },
        tokens: createMachineTokens({ db, clock, authorityFingerprint: options.authorityFingerprint }),
        providerHost: await readProviderHost(options, machines),
        joinUrl: (machine) => joinUrl(options, machines, machine),
        removeAgent: options.removeAgent,
        endsProcesses: machines.endsProcesses,
      });
      await keeper.start();
    },
    async stop() {
      await keeper?.stop();
    },
  };
}

async function readProviderHost({ db, clock }: MachinesOptions, machines: MachinesConfig): Promise<ProviderHost> {
  const { dir, environment, agentCommand, engineCertDir } = machines;
  return {
    ...{ farmId: await readFarmId(db), dir, environment, clock },
    ...(agentCommand !== undefined && { agentCommand }),
    ...(engineCertDir !== undefined && { engineTls: await readEngineTls(engineCertDir) }),
  };
}

async function readEngineTls(dir: string): Promise<EngineTls> {
  const read = (name: string) => readFile(join(dir, name), "utf8");
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  return { ca, cert, key };
}

function joinUrl(
  { config, publicUrl, httpPort }: MachinesOptions,
  machines: MachinesConfig,
  machine: MachineRow,
): string {
  if (machines.url !== undefined) return machines.url;
  const plainAddress = config.tls === undefined ? config.listen : PLAIN_ADDRESS;
  if (machine.provider !== "process" || !isLoopbackAddress(plainAddress)) return publicUrl();
  return `http://${bracketed(plainAddress)}:${httpPort()}`;
}
