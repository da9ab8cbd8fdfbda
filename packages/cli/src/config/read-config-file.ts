import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { usageError } from "../cli-error.ts";
import type { SettingValues } from "./settings.ts";

const FILE_BYTES_MAX = 64 * 1024;

/** `$WINDROW_CONFIG`, else `$XDG_CONFIG_HOME/windrow/config.yaml`, else `~/.config/windrow/config.yaml`. */
export function configFilePath(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment.WINDROW_CONFIG) return environment.WINDROW_CONFIG;
  const folder = environment.XDG_CONFIG_HOME || path.join(environment.HOME || homedir(), ".config");
  return path.join(folder, "windrow", "config.yaml");
}

/** The file's settings, none when there is no file. Errors: CliError `usage` with file, line and column. */
export async function readConfigFile(file: string): Promise<SettingValues> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { parseConfig } = await import("./parse-config.ts");
  if (text.length > FILE_BYTES_MAX) throw usageError(`${file} is larger than ${FILE_BYTES_MAX} bytes`);
  return parseConfig(text, file);
}
