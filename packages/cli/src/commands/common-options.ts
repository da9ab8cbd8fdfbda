import { type Command, Option } from "commander";
import { SETTINGS, type SettingName } from "../config/settings.ts";

/** Options of every command that asks a farm. */
export interface FarmOptions {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly data?: string;
  readonly ca?: string;
  readonly repo?: string;
  readonly json?: boolean;
}

/** Adds `--url`, `--token-file`, `--data`, `--ca`, `--json` and, where a repository matters, `-R`. */
export function addFarmOptions(command: Command, also: readonly ("repo" | "token")[] = []): Command {
  command.option("--json", "print the API's own shapes as JSON");
  for (const name of also) if (name === "repo") addSetting(command, name);
  for (const name of ["url", "token", "token_file", "data", "ca"] as const) {
    // `--token` means another token where a command says so itself
    if (name === "token" && command.options.some((option) => option.long === "--token")) continue;
    addSetting(command, name);
  }
  return command;
}

function addSetting(command: Command, name: SettingName): void {
  const { flag, variable, description } = SETTINGS[name];
  command.addOption(new Option(flag, `${description} (${variable})`).helpGroup("Farm:"));
}
