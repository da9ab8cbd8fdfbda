import { isIPv6 } from "node:net";
import path from "node:path";
import { isEveryAddress } from "@windrow/certificates";
import { type RunningNats, type RunningPostgres, startNats, startPostgres } from "@windrow/embedded";
import type { Clock, Logger } from "@windrow/service";
import type { ApiClient } from "../api/client.ts";
import { agentCommandVariable } from "../process/node-command.ts";
import type { DataFolder } from "./data-folder.ts";
import type { FarmPart } from "./farm-part.ts";
import { startNodeProcess } from "./node-process.ts";
import type { UpTls } from "./prepare-tls.ts";
import type { UpOptions } from "./up-options.ts";

/** What the parts of a farm are made from. */
export interface FarmContext {
  readonly options: UpOptions;
  readonly folder: DataFolder;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly entries: FarmEntries;
  readonly tls: UpTls | undefined;
}

/** The modules that are the processes; tests put others there. */
export interface FarmEntries {
  readonly controller: string;
  readonly agent: string;
}

export const FARM_ENTRIES: FarmEntries = { controller: "@windrow/controller/main", agent: "@windrow/agent/main" };

const CONTROLLER_READY_WITHIN_MS = 60_000;
/** Agents that it runs as processes end with it, after the grace of their steps. */
const CONTROLLER_STOP_GRACE_MS = 75_000;
const AGENT_READY_WITHIN_MS = 60_000;
/** Longer than the grace that a step gets to end. */
const AGENT_STOP_GRACE_MS = 40_000;

export function createPostgresPart(context: FarmContext, onStart: (postgres: RunningPostgres) => void): FarmPart {
  return {
    name: "postgres",
    async start() {
      const { clock, logger, folder } = context;
      const postgres = await startPostgres({ dataDir: folder.postgres, clock, logger });
      onStart(postgres);
      return postgres;
    },
  };
}

export function createNatsPart(
  context: FarmContext,
  on: { readonly started: (nats: RunningNats) => void; readonly progress: (sentence: string) => void },
): FarmPart {
  return {
    name: "nats",
    async start() {
      const { clock, logger, folder, options } = context;
      const { natsPort: port, listenAddress } = options;
      const nats = await startNats({
        dataDir: folder.nats,
        port,
        listenAddress,
        ...(context.tls?.agents !== undefined && { tlsFile: context.tls.agents.serverFile }),
        clock,
        logger,
        onProgress: on.progress,
      });
      on.started(nats);
      return nats;
    },
  };
}

export function createControllerPart(
  context: FarmContext,
  given: { readonly databaseUrl: string; readonly natsUrl: string; readonly natsKeysFile: string },
): FarmPart {
  const { options, folder } = context;
  const environment = {
    ...context.environment,
    // agents that the controller itself starts get what those of this command get
    ...options.settings.agent,
    ...options.settings.controller,
    ...agentCommandVariable(context.entries.agent),
    WINDROW_DATABASE_URL: given.databaseUrl,
    WINDROW_NATS_URL: given.natsUrl,
    WINDROW_NATS_KEYS_FILE: given.natsKeysFile,
    WINDROW_DATA_DIR: folder.root,
    WINDROW_LISTEN: options.listenAddress,
    WINDROW_PORT: String(options.port),
    WINDROW_GRPC_PORT: String(options.grpcPort),
    WINDROW_PUBLIC_URL: options.publicUrl,
    WINDROW_ADMIN_TOKEN_FILE: folder.adminTokenFile,
    WINDROW_MACHINES_END: "with-controller",
    ...controllerTls(context),
    WINDROW_LOG_LEVEL: "info",
  };
  return {
    name: "controller",
    start: () =>
      startNodeProcess({
        ...context,
        name: "controller",
        entry: context.entries.controller,
        environment,
        stopGraceMs: CONTROLLER_STOP_GRACE_MS,
        readyWithinMs: CONTROLLER_READY_WITHIN_MS,
        isReady: async () => (await answers(`${options.url}/healthz`)) && (await answers(`${options.url}/readyz`)),
      }),
  };
}

function controllerTls({ options, folder, tls }: FarmContext): Record<string, string> {
  if (tls === undefined) return { WINDROW_TLS_DIR: folder.tls };
  const { ownCertificate: own, publicHost } = options;
  return {
    WINDROW_TLS_PORT: String(tls.port),
    WINDROW_TLS_DIR: folder.tls,
    ...(options.needsTls ? {} : { WINDROW_TLS_OPTIONAL: "yes" }),
    ...(own === undefined ? {} : { WINDROW_TLS_CERT_FILE: own.certFile, WINDROW_TLS_KEY_FILE: own.keyFile }),
    ...(tls.agents === undefined
      ? {}
      : {
          WINDROW_GRPC_PUBLIC_ADDRESS: `${publicHost}:${options.grpcPort}`,
          WINDROW_NATS_PUBLIC_URL: `tls://${publicHost}:${options.natsPort}`,
        }),
  };
}

export function createAgentPart(
  context: FarmContext,
  api: ApiClient,
  agent: { name: string; joinToken: string; natsUrl: string },
): FarmPart {
  const { options, folder } = context;
  const { name } = agent;
  const host = reachableHost(options.listenAddress);
  const environment = {
    ...context.environment,
    ...options.settings.agent,
    WINDROW_URL: options.url,
    WINDROW_AGENT_DIR: path.join(folder.agents, name),
    WINDROW_AGENT_NAME: name,
    WINDROW_AGENT_SLOTS: String(options.slotsPerAgent),
    WINDROW_JOIN_TOKEN: agent.joinToken,
    // An agent remembers the address it was told when it joined; the ports may be others today.
    WINDROW_AGENT_GRPC_ADDRESS: `${host}:${options.grpcPort}`,
    WINDROW_AGENT_NATS_URL: agent.natsUrl,
    // The first SIGTERM gives running jobs back to the queue instead of waiting for their end.
    WINDROW_AGENT_STOP: "now",
    WINDROW_LOG_LEVEL: "info",
  };
  return {
    name,
    async start() {
      const startedAtMs = context.clock.nowMs();
      return startNodeProcess({
        ...context,
        name,
        entry: context.entries.agent,
        environment,
        stopGraceMs: AGENT_STOP_GRACE_MS,
        readyWithinMs: AGENT_READY_WITHIN_MS,
        isReady: () => isAgentReady(api, name, startedAtMs),
      });
    },
  };
}

/** From this machine. */
function reachableHost(listenAddress: string): string {
  if (isEveryAddress(listenAddress)) return isIPv6(listenAddress) ? "[::1]" : "127.0.0.1";
  return isIPv6(listenAddress) ? `[${listenAddress}]` : listenAddress;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    // Not listening yet, or too busy: the caller asks again, within a limit.
    return false;
  }
}

/** An agent's row says "ready" for a while after its process died, so it must also have connected since then. */
async function isAgentReady(api: ApiClient, name: string, startedAtMs: number): Promise<boolean> {
  const { answer } = await api.call("listAgents", { query: {} });
  const agent = answer.items.find((one) => one.name === name);
  if (agent === undefined || agent.state !== "ready" || agent.connected_at === null) return false;
  return Date.parse(agent.connected_at) >= startedAtMs;
}
