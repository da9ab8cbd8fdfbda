import type { Install, ROUTES, RouteBodyIn } from "@windrow/contract";
import type { ApiClient } from "../api/client.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatDuration, parseDuration } from "../output/duration.ts";
import { printJson, printLines, say } from "../output/print.ts";
import type { Terminal } from "../output/terminal.ts";
import { installLine } from "./install-line.ts";

export interface CreateTokenOptions extends FarmOptions {
  readonly join?: boolean;
  readonly pool?: string;
  readonly uses?: string;
  readonly ttl?: string;
  readonly role?: "admin" | "developer" | "reader";
  readonly owner?: string;
}

const MINUTE_MS = 60_000;

type CreateTokenBody = RouteBodyIn<(typeof ROUTES)["createToken"]>;

/** `windrow token create`: the secret alone on stdout, so that a script can take it. */
export async function createToken(
  context: CommandContext,
  options: CreateTokenOptions,
  name?: string,
): Promise<undefined> {
  const { terminal } = context;
  const body = createTokenBody(options, name);
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("createToken", { body });
  if (options.json) return printJson(terminal, json);
  await printLines(terminal, [answer.secret]);
  say(terminal, terminal.errStyle("dim", "It is shown this once."));
  if (answer.token.kind === "join") {
    const url = answer.join_url ?? farm.api.url;
    const install = isLoopback(url) ? undefined : await findInstall(farm.api, terminal);
    say(terminal, `On the machine that is to work${until(answer.token.expires_at, context.clock.nowMs())}:`);
    if (install !== undefined) {
      say(terminal, `  ${installLine(install, answer.secret)}`);
      say(terminal, "or, where windrow is installed:");
    }
    say(terminal, `  windrow agent join ${url} --token ${answer.secret}`);
    if (isLoopback(url)) {
      say(
        terminal,
        "Another machine does not reach this address: start the farm with --listen, see packages/docs/several-machines.md",
      );
    }
  }
}

/** Options → the request's body. Errors: CliError `usage`. */
export function createTokenBody(options: CreateTokenOptions, name: string | undefined): CreateTokenBody {
  const ttlMs = options.ttl === undefined ? undefined : parseDuration(options.ttl);
  if (options.ttl !== undefined && ttlMs === undefined)
    throw usageError("--ttl takes a duration", "For example: --ttl 12h");
  const ttl = ttlMs === undefined ? {} : { ttl_seconds: Math.round(ttlMs / 1000) };
  if (options.join) {
    if (options.role !== undefined || options.owner !== undefined)
      throw usageError("--role and --owner are for user tokens, not for --join");
    const uses = options.uses === undefined ? undefined : Number(options.uses);
    if (uses !== undefined && !(Number.isInteger(uses) && uses >= 1)) throw usageError("--uses takes a number from 1");
    return {
      kind: "join",
      ...ttl,
      ...(name === undefined ? {} : { name }),
      ...(options.pool === undefined ? {} : { pool: options.pool }),
      ...(uses === undefined ? {} : { uses_max: uses }),
    };
  }
  if (options.pool !== undefined || options.uses !== undefined)
    throw usageError("--pool and --uses are for join tokens: add --join");
  if (name === undefined)
    throw usageError(
      "a user token needs a name",
      "For example: windrow token create alice, or for an agent: windrow token create --join",
    );
  return {
    kind: "user",
    name,
    ...ttl,
    ...(options.role === undefined ? {} : { role: options.role }),
    ...(options.owner === undefined ? {} : { owner: options.owner }),
  };
}

/** Undefined, with a word about it, where the farm can hand out no agent. Building it takes seconds the first time. */
async function findInstall(api: ApiClient, terminal: Terminal): Promise<Install | undefined> {
  try {
    return (await api.call("viewInstall", {})).answer;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    // the token is made: it does not depend on this
    say(terminal, terminal.errStyle("dim", `There is no line for a bare machine: ${error.message}`));
    return undefined;
  }
}

function isLoopback(url: string): boolean {
  return /^(?:localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);
}

function until(expiresAt: string | null, nowMs: number): string {
  if (expiresAt === null) return "";
  // up to a whole minute, so that an hour reads as one a moment later
  return `, within ${formatDuration(Math.ceil((Date.parse(expiresAt) - nowMs) / MINUTE_MS) * MINUTE_MS)}`;
}
