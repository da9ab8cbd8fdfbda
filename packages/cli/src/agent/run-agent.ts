import { availableParallelism, homedir } from "node:os";
import path from "node:path";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { parseDuration } from "../output/duration.ts";
import { say } from "../output/print.ts";
import { runChild } from "../process/run-child.ts";

/** Flags of `windrow agent run` and `join`. */
export interface AgentProcessOptions {
  readonly name?: string;
  readonly slots?: string;
  readonly labels?: string;
  readonly dir?: string;
  readonly backend?: string;
  readonly dockerSocket?: string;
  /** False: none. */
  readonly docker?: boolean;
  readonly cacheDisk?: string;
  readonly diskReserve?: string;
  readonly once?: boolean;
  readonly idleTimeout?: string;
  readonly maxUptime?: string;
  readonly logLevel?: string;
}

/** `windrow agent run`: the agent's own process, with what it stored when it joined. */
export async function runAgent(context: CommandContext, options: AgentProcessOptions): Promise<number> {
  const environment = agentEnvironment(context, options);
  announceAgent(context, environment);
  return runChild({ entry: "@windrow/agent/main", environment });
}

/** Says where the agent lives and how to end it, before its own log lines. */
export function announceAgent(
  context: CommandContext,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  say(context.terminal, `The agent keeps its credential and its work in ${environment.WINDROW_AGENT_DIR}.`);
  say(
    context.terminal,
    "Ctrl-C lets it finish what it runs and leave; Ctrl-C again ends it at once. Start it again with: windrow agent run",
  );
}

/** Flags → the agent's environment; what is not given keeps the value it has there. Errors: CliError `usage`. */
export function agentEnvironment(
  context: Pick<CommandContext, "environment" | "cwd">,
  options: AgentProcessOptions,
): Record<string, string | undefined> {
  const labels = options.labels?.split(",").map((label) => label.trim());
  if (labels?.includes("")) throw usageError("--labels has an empty label", "For example: --labels gpu,python");
  const { environment } = context;
  return {
    ...environment,
    ...(options.name === undefined ? {} : { WINDROW_AGENT_NAME: options.name }),
    ...(options.slots === undefined ? {} : { WINDROW_AGENT_SLOTS: String(countSlots(options.slots)) }),
    ...(labels === undefined ? {} : { WINDROW_AGENT_LABELS: labels.join(",") }),
    ...(options.backend === undefined ? {} : { WINDROW_AGENT_BACKEND: options.backend }),
    ...(options.dockerSocket === undefined ? {} : { WINDROW_AGENT_DOCKER: options.dockerSocket }),
    ...(options.docker === false ? { WINDROW_AGENT_DOCKER: "off" } : {}),
    ...(options.cacheDisk === undefined ? {} : { WINDROW_AGENT_CACHE_DISK: options.cacheDisk }),
    ...(options.diskReserve === undefined ? {} : { WINDROW_AGENT_DISK_RESERVE: options.diskReserve }),
    ...(options.once === true ? { WINDROW_AGENT_ONCE: "1" } : {}),
    ...(options.idleTimeout === undefined
      ? {}
      : { WINDROW_AGENT_IDLE_TIMEOUT: readSeconds("--idle-timeout", options.idleTimeout) }),
    ...(options.maxUptime === undefined
      ? {}
      : { WINDROW_AGENT_MAX_UPTIME: readSeconds("--max-uptime", options.maxUptime) }),
    WINDROW_AGENT_DIR: path.resolve(
      context.cwd,
      options.dir ?? environment.WINDROW_AGENT_DIR ?? defaultFolder(environment),
    ),
    ...(options.logLevel === undefined ? {} : { WINDROW_LOG_LEVEL: options.logLevel }),
  };
}

/** Root's home is closed to the users that jobs run as, so that a root agent works elsewhere. */
function defaultFolder(environment: CommandContext["environment"]): string {
  if (process.getuid?.() === 0) return "/var/lib/windrow/agent";
  return path.join(environment.HOME ?? homedir(), ".local", "share", "windrow-agent");
}

/** Whole seconds, as the agent reads them. */
function readSeconds(flag: string, text: string): string {
  const durationMs = parseDuration(text);
  if (durationMs === undefined || durationMs < 1_000)
    throw usageError(`${flag} takes a duration of at least a second`, `For example: ${flag} 10m`);
  return `${Math.ceil(durationMs / 1_000)}s`;
}

const SLOTS_MAX = 256;

function countSlots(text: string): number {
  if (text === "auto") return Math.max(1, Math.floor(availableParallelism() / 2));
  const slots = Number(text);
  if (!Number.isInteger(slots) || slots < 1 || slots > SLOTS_MAX)
    throw usageError(`--slots takes \`auto\` or a number from 1 to ${SLOTS_MAX}`);
  return slots;
}
