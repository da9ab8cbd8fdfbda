import { rm } from "node:fs/promises";

import { type Clock, failpoint, hasCode } from "@windrow/service";
import {
  type AgentProvider,
  MACHINES_PROVIDED_MAX,
  type MachineRequest,
  type ProvidedMachine,
} from "../agent-provider.ts";
import { limited } from "../limited-signal.ts";
import { checkMachineName, ProviderError } from "../provider-error.ts";
import { clearAgent, endProcess } from "./end-agent.ts";
import { machineFiles, readLogTail, readRecords, writeRecord, writeSecret } from "./machine-files.ts";
import { forbidProcess, isRunning, readIdentity } from "./process-identity.ts";
import { startAgentProcess } from "./start-agent.ts";

export interface ProcessProviderOptions {
  /** One folder for each machine; of this farm's and this host's alone. Absolute. */
  readonly dir: string;
  /** The agent's program and its arguments. */
  readonly command: readonly string[];
  /** What agents inherit, beside what the provider tells them. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long an agent may take to give its jobs back once asked. */
  readonly endGraceMs?: number;
  readonly clock: Clock;
}

const CREATE_LIMIT_MS = 20_000;
const LIST_LIMIT_MS = 20_000;
/** Longer than the grace that a step gets to end. */
const END_GRACE_MS = 40_000;
const DESTROY_LIMIT_MS = 60_000;

/** Agents as processes of this machine, each in a session and a folder of its own; they outlive this process. */
export function createProcessProvider(options: ProcessProviderOptions): AgentProvider {
  const { dir, command, clock, endGraceMs = END_GRACE_MS } = options;

  async function create(request: MachineRequest, signal: AbortSignal): Promise<void> {
    const files = machineFiles(dir, request.name);
    await writeRecord(files, request.pool);
    await failpoint("provider.begun");
    if ((await readIdentity(files.identityFile)) !== undefined) return;
    await writeSecret(files.tokenFile, `${request.joinToken}\n`);
    const environment = {
      ...options.environment,
      WINDROW_URL: request.url,
      WINDROW_JOIN_TOKEN_FILE: files.tokenFile,
      WINDROW_AGENT_DIR: files.agentDir,
      WINDROW_AGENT_NAME: request.name,
      WINDROW_AGENT_SLOTS: String(request.slots),
      ...(request.isEphemeral && { WINDROW_AGENT_ONCE: "1" }),
      // the first SIGTERM gives running jobs back to the queue instead of waiting for their end
      WINDROW_AGENT_STOP: "now",
    };
    await startAgentProcess({ files, command, environment, clock, signal });
    await failpoint("provider.made");
  }

  async function destroy(name: string, signal: AbortSignal): Promise<void> {
    const files = machineFiles(dir, name);
    try {
      await forbidProcess(files.identityFile);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return;
      throw error;
    }
    const identity = await readIdentity(files.identityFile);
    if (identity !== undefined) await endProcess({ identity, graceMs: endGraceMs, clock, signal });
    const environment = { ...options.environment, WINDROW_AGENT_DIR: files.agentDir };
    await clearAgent({ files, command, environment, signal });
    await rm(files.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  async function list(): Promise<ProvidedMachine[]> {
    const pools = await readRecords(dir);
    if (pools.size > MACHINES_PROVIDED_MAX) {
      throw new ProviderError(`${dir} holds more than ${MACHINES_PROVIDED_MAX} folders`, { retryable: false });
    }
    const machines: ProvidedMachine[] = [];
    for (const [name, pool] of pools) {
      const identity = await readIdentity(machineFiles(dir, name).identityFile);
      machines.push({ name, pool, isAlive: identity === undefined || (await isRunning(identity)) });
    }
    return machines;
  }

  return {
    kind: "process",
    async create(request, signal) {
      checkMachineName(request.name);
      const what = `starting the process of ${request.name}`;
      await limited({ what, limitMs: CREATE_LIMIT_MS, signal, explain }, (limit) => create(request, limit));
    },
    async destroy(name, signal) {
      checkMachineName(name);
      const limitMs = DESTROY_LIMIT_MS + endGraceMs;
      await limited({ what: `ending the process of ${name}`, limitMs, signal, explain }, (limit) =>
        destroy(name, limit),
      );
    },
    list: (signal) => limited({ what: "listing processes", limitMs: LIST_LIMIT_MS, signal, explain }, list),
    async readLastWords(name, signal) {
      checkMachineName(name);
      const read = () => readLogTail(machineFiles(dir, name));
      return limited({ what: `reading the log of ${name}`, limitMs: LIST_LIMIT_MS, signal, explain }, read);
    },
    close: async () => undefined,
  };
}

/** Rights and paths are settings; a full disk or too many processes pass. */
function explain(error: unknown): ProviderError {
  const message = error instanceof Error ? error.message : String(error);
  const retryable = !hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT");
  return new ProviderError(`agents cannot run as processes here: ${message}`, { retryable, cause: error });
}
