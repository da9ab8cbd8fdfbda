import type { ProviderSettingsJson } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import { parseDuration } from "../output/duration.ts";

export interface ProviderOptions {
  readonly provider?: "process" | "docker" | "command" | "none";
  readonly host?: string;
  readonly dockerSocket?: string;
  readonly dockerImage?: string;
  readonly dockerNetwork?: string;
  readonly dockerMemory?: string;
  readonly dockerCpus?: string;
  readonly create?: string;
  readonly destroy?: string;
  readonly list?: string;
  readonly commandTimeout?: string;
}

const OF_KIND = {
  process: ["host"],
  docker: ["dockerSocket", "dockerImage", "dockerNetwork", "dockerMemory", "dockerCpus"],
  command: ["create", "destroy", "list", "commandTimeout"],
} as const;
const MEBIBYTE = 1024 * 1024;
const DOCKER_SOCKET_DEFAULT = "unix:///var/run/docker.sock";

/** Options → the provider's settings; null takes the provider away, undefined leaves it. Errors: CliError `usage`. */
export function readProvider(options: ProviderOptions): ProviderSettingsJson | null | undefined {
  const { provider: kind } = options;
  for (const [of, names] of Object.entries(OF_KIND)) {
    const stray = of === kind ? undefined : names.find((name) => options[name] !== undefined);
    if (stray !== undefined) throw usageError(`${flagOf(stray)} is for --provider ${of}`);
  }
  switch (kind) {
    case undefined:
      return undefined;
    case "none":
      return null;
    case "process":
      return { kind, host: need(options, "host") };
    case "docker": {
      const { dockerNetwork: network, dockerMemory, dockerCpus } = options;
      return {
        kind,
        socket: options.dockerSocket ?? DOCKER_SOCKET_DEFAULT,
        image: need(options, "dockerImage"),
        ...(network === undefined ? {} : { network }),
        ...(dockerMemory === undefined ? {} : { memory_bytes: number("--docker-memory", dockerMemory) * MEBIBYTE }),
        ...(dockerCpus === undefined ? {} : { cpus: number("--docker-cpus", dockerCpus) }),
      };
    }
    case "command": {
      const timeoutMs = options.commandTimeout === undefined ? undefined : parseDuration(options.commandTimeout);
      if (options.commandTimeout !== undefined && timeoutMs === undefined) {
        throw usageError("--command-timeout takes a duration", "For example: --command-timeout 2m");
      }
      return {
        kind,
        create: split(need(options, "create")),
        destroy: split(need(options, "destroy")),
        list: split(need(options, "list")),
        ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
      };
    }
  }
}

function need(options: ProviderOptions, name: Exclude<keyof ProviderOptions, "provider">): string {
  const value = options[name];
  if (value !== undefined && value !== "") return value;
  throw usageError(`--provider ${options.provider} needs ${flagOf(name)}`, "See: windrow pool set --help");
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** No shell reads it; arguments with spaces in them go through --file. */
function split(command: string): string[] {
  return command.split(/\s+/).filter((part) => part !== "");
}

function number(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0) throw usageError(`${flag} takes a number`);
  return value;
}
