import { readFileSync, writeFileSync } from "node:fs";
import { EmbeddedError, type RunningNats, type RunningPostgres, requireFreePort } from "@windrow/embedded";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import { type ApiClient, createApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { OutputStream } from "../output/terminal.ts";
import { buildSample } from "./build-sample.ts";
import { childEnvironment } from "./child-environment.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { endOrphans } from "./end-orphans.ts";
import type { FarmPart } from "./farm-part.ts";
import {
  createAgentPart,
  createControllerPart,
  createNatsPart,
  createPostgresPart,
  FARM_ENTRIES,
  type FarmContext,
  type FarmEntries,
} from "./farm-parts.ts";
import { type KeptPart, keepRunning } from "./keep-running.ts";
import { prepareTls } from "./prepare-tls.ts";
import { rejoinAgents } from "./rejoin-agents.ts";
import { renewNatsCertificate } from "./renew-nats-certificate.ts";
import { listenForStop, type StopSignals } from "./stop-signals.ts";
import { takeUpLock } from "./up-lock.ts";
import type { UpOptions } from "./up-options.ts";
import { createReporter, type Report } from "./up-reporter.ts";

export interface RunUpInput {
  readonly options: UpOptions;
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly entries?: FarmEntries;
}

/** Where plain HTTP is served, whatever else the farm listens on. */
const PLAIN_ADDRESS = "127.0.0.1";
const JOIN_TTL_SECONDS = 3_600;
const ALIVE_EVERY_MS = 3_600_000;
const SERVERS_IN_STOP_ORDER: readonly string[] = ["controller", "nats", "postgres"];

/**
 * Runs a whole farm on this machine until a Ctrl-C or SIGTERM: Postgres, nats-server, one controller, the agents, each a
 * process of its own, started in this order and stopped in the reverse one. Answers the exit code: 0 after an orderly
 * stop, 130 when a second Ctrl-C cut it short, 1 when the farm could not start.
 */
export async function runUp(input: RunUpInput): Promise<number> {
  const clock = input.clock ?? systemClock;
  const report = createReporter({ isJson: input.options.isJson, out: input.out, err: input.err });
  const signals = listenForStop(clock);
  const kept: KeptPart[] = [];
  let exitCode: number = EXIT.ok;
  let giveFree: (() => void) | undefined;
  // Children and their watches keep nobody alive, and waiting for a signal does not either.
  const alive = setInterval(() => undefined, ALIVE_EVERY_MS);
  try {
    const folder = prepareDataFolder(input.options.dataDir);
    giveFree = takeUpLock(folder);
    const context = {
      options: input.options,
      folder,
      environment: childEnvironment(input.environment),
      clock,
      logger: createLogger({ component: "up", level: "error" }),
      stopping: signals.stopping,
      entries: input.entries ?? FARM_ENTRIES,
    };
    await startFarm({ context, kept, report, signals });
    await aborted(signals.stopping);
  } catch (error) {
    if (!signals.stopping.aborted) {
      report(describeError(error));
      exitCode = error instanceof CliError ? error.exitCode : EXIT.failed;
    }
  }
  try {
    await stopFarm({ kept, report, hurry: signals.hurry });
  } catch (error) {
    report(describeError(error));
    exitCode = EXIT.failed;
  }
  giveFree?.();
  clearInterval(alive);
  signals.release();
  return signals.hurry.aborted ? EXIT.interrupted : exitCode;
}

interface StartFarmInput {
  readonly context: FarmContext;
  readonly kept: KeptPart[];
  readonly report: Report;
  readonly signals: StopSignals;
}

async function startFarm(
  asked: Omit<StartFarmInput, "context"> & { context: Omit<FarmContext, "tls"> },
): Promise<void> {
  const { report, signals } = asked;
  const { options, folder, clock } = asked.context;
  const startedMs = clock.monotonicMs();
  if (!folder.agents.startsWith(folder.root)) {
    const why = `${folder.root} is closed to the users that jobs run as`;
    report({ event: "notice", message: `agents keep their files in ${folder.agents}, because ${why}` });
  }
  await endOrphans({ folder, clock, report });
  const { listenAddress } = options;
  await requireFreePort({ port: options.port, listenAddress: PLAIN_ADDRESS, purpose: "HTTP (--port)" });
  await requireFreePort({ port: options.grpcPort, listenAddress, purpose: "gRPC (--grpc-port)" });
  const tls = await prepareTls({ options, folder, clock, report });
  const context: FarmContext = { ...asked.context, tls };
  const input: StartFarmInput = { ...asked, context };
  const started = await startServers(input);
  if (started === undefined) return;
  const databaseUrl = started.postgres.connectionString;
  const given = { databaseUrl, natsUrl: started.nats.url, natsKeysFile: started.nats.keysFile };
  await keep(input, createControllerPart(context, given));
  if (signals.stopping.aborted) return;

  const token = readFileSync(folder.adminTokenFile, "utf8").trim();
  const api = createApiClient({ urls: [options.url], token });
  await startAgents(input, api, started.nats.url);
  if (signals.stopping.aborted) return;
  const farm = { url: options.publicUrl, token_file: folder.adminTokenFile, git_url: `${options.publicUrl}/git` };
  writeFileSync(folder.farmFile, `${JSON.stringify({ ...farm, local_url: options.url })}\n`, { mode: 0o644 });
  const ca = options.isLoopback || options.ownCertificate !== undefined ? undefined : tls?.agents?.authority.certFile;
  const local = options.publicUrl === options.url ? {} : { local_url: options.url };
  report({
    event: "ready",
    ...farm,
    ...local,
    ...(ca === undefined ? {} : { ca_file: ca }),
    ms: Math.round(clock.monotonicMs() - startedMs),
  });
  if (!options.pushesSample) return;
  try {
    await buildSample({ api, url: options.url, token, folder, clock, report, signal: signals.stopping });
  } catch (error) {
    // The farm itself is well: say it and stay up.
    if (!signals.stopping.aborted) report(describeError(error));
  }
}

/** Postgres and nats-server, at the same time; undefined when the farm is to stop already. */
async function startServers(
  input: StartFarmInput,
): Promise<{ postgres: RunningPostgres; nats: RunningNats } | undefined> {
  let postgres: RunningPostgres | undefined;
  let nats: RunningNats | undefined;
  const parts = [
    createPostgresPart(input.context, (started) => {
      postgres = started;
    }),
    createNatsPart(input.context, {
      started(server) {
        nats = server;
      },
      progress: (message) => input.report({ event: "notice", message }),
    }),
  ];
  await keepAll(input, parts);
  if (input.signals.stopping.aborted || postgres === undefined || nats === undefined) return undefined;
  const { tls } = input.context;
  if (tls?.agents !== undefined) {
    const renewal = renewNatsCertificate(input.context, tls.agents, () => nats);
    input.signals.stopping.addEventListener("abort", () => void renewal.stop(), { once: true });
  }
  return { postgres, nats };
}

/** All agents at once: they do not wait for each other. */
async function startAgents(input: StartFarmInput, api: ApiClient, natsUrl: string): Promise<void> {
  const { agentsCount } = input.context.options;
  if (agentsCount === 0) return;
  const names = Array.from({ length: agentsCount }, (_, index) => `agent-${index + 1}`);
  await rejoinAgents(api, { names, nowMs: input.context.clock.nowMs(), report: input.report });
  const { answer } = await api.call("createToken", {
    body: { kind: "join", name: "windrow up", pool: "default", ttl_seconds: JOIN_TTL_SECONDS, uses_max: agentsCount },
  });
  await keepAll(
    input,
    names.map((name) => createAgentPart(input.context, api, { name, joinToken: answer.secret, natsUrl })),
  );
}

/** Starts parts that do not need each other. Waits for all, so that those that started are stopped if one did not. */
async function keepAll(input: StartFarmInput, parts: readonly FarmPart[]): Promise<void> {
  const starts = await Promise.allSettled(parts.map((part) => keep(input, part)));
  const failed = starts.find((start) => start.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function keep(input: StartFarmInput, part: FarmPart): Promise<void> {
  input.kept.push(await keepRunning({ part, clock: input.context.clock, report: input.report }));
}

/** Agents first and together, then the controller, nats-server, and Postgres last. */
async function stopFarm(input: { kept: readonly KeptPart[]; report: Report; hurry: AbortSignal }): Promise<void> {
  const { kept, report, hurry } = input;
  if (kept.length === 0) return;
  const agents = kept.filter((part) => !SERVERS_IN_STOP_ORDER.includes(part.name));
  report({ event: "stopping", hurried: hurry.aborted, agents_count: agents.length });
  const servers = SERVERS_IN_STOP_ORDER.map((name) => kept.filter((part) => part.name === name));
  const errors: unknown[] = [];
  for (const group of [agents, ...servers]) {
    for (const stop of await Promise.allSettled(group.map((part) => part.stop(hurry)))) {
      if (stop.status === "rejected") errors.push(stop.reason);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function describeError(error: unknown): { event: "error"; message: string; hint?: string } {
  if (error instanceof CliError) {
    return { event: "error", message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  if (error instanceof EmbeddedError) return { event: "error", message: error.message };
  return { event: "error", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
