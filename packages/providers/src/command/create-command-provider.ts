import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProviderSettings } from "@windrow/model";
import { type Clock, failpoint, hasCode } from "@windrow/service";
import type { AgentProvider, MachineRequest } from "../agent-provider.ts";
import { limited } from "../limited-signal.ts";
import { checkMachineName, ProviderError } from "../provider-error.ts";
import { decodeMachines } from "./decode-machines.ts";
import { runCommand } from "./run-command.ts";

export interface CommandProviderOptions {
  readonly farmId: string;
  readonly settings: Extract<ProviderSettings, { kind: "command" }>;
  /** A folder of this host for tokens on their way to a command. Absolute. */
  readonly dir: string;
  /** What the commands inherit, beside what the provider tells them: PATH and the like. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

const LIMIT_MS = 120_000;
/** A token's folder that is older was left by a process that was killed. */
const TOKEN_LEFT_MS = 3_600_000;

/** Agents on machines that an admin's own commands make, end and list. The commands are to be idempotent by name. */
export function createCommandProvider(options: CommandProviderOptions): AgentProvider {
  const { farmId, settings, dir } = options;
  const limitMs = settings.timeoutMs ?? LIMIT_MS;
  const base = { ...options.environment, WINDROW_FARM: farmId };

  async function create(request: MachineRequest, signal: AbortSignal): Promise<void> {
    await sweepTokens(dir, options.clock.nowMs());
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const tokenDir = await mkdtemp(join(dir, "token-"));
    try {
      const tokenFile = join(tokenDir, "join-token");
      await writeFile(tokenFile, `${request.joinToken}\n`, { mode: 0o600 });
      await failpoint("provider.begun");
      await runCommand({
        what: "the pool's create command",
        command: settings.create,
        environment: {
          ...base,
          WINDROW_MACHINE_NAME: request.name,
          WINDROW_POOL: request.pool,
          WINDROW_URL: request.url,
          WINDROW_JOIN_TOKEN_FILE: tokenFile,
          WINDROW_SLOTS: String(request.slots),
          WINDROW_EPHEMERAL: request.isEphemeral ? "1" : "0",
        },
        signal,
      });
      await failpoint("provider.made");
    } finally {
      await rm(tokenDir, { recursive: true, force: true });
    }
  }

  return {
    kind: "command",
    async create(request, signal) {
      checkMachineName(request.name);
      await limited({ what: "the pool's create command", limitMs, signal, explain }, (ends) => create(request, ends));
    },
    async destroy(name, signal) {
      checkMachineName(name);
      const what = "the pool's destroy command";
      const environment = { ...base, WINDROW_MACHINE_NAME: name };
      await limited({ what, limitMs, signal, explain }, (ends) =>
        runCommand({ what, command: settings.destroy, environment, signal: ends }),
      );
    },
    async list(signal) {
      const what = "the pool's list command";
      return limited({ what, limitMs, signal, explain }, async (ends) =>
        decodeMachines(await runCommand({ what, command: settings.list, environment: base, signal: ends })),
      );
    },
    readLastWords: async () => "",
    close: async () => undefined,
  };
}

async function sweepTokens(dir: string, nowMs: number): Promise<void> {
  try {
    for (const name of await readdir(dir)) {
      const file = join(dir, name);
      if ((await stat(file)).mtimeMs < nowMs - TOKEN_LEFT_MS) await rm(file, { recursive: true, force: true });
    }
  } catch (error) {
    // also when another call sweeps at the same time
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function explain(error: unknown): ProviderError {
  const message = error instanceof Error ? error.message : String(error);
  return new ProviderError(`the pool's commands cannot be run: ${message}`, {
    retryable: !hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR"),
    cause: error,
  });
}
