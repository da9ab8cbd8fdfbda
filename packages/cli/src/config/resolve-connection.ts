import { readFile } from "node:fs/promises";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { findLocalFarm } from "./local-farm.ts";
import { configFilePath, readConfigFile } from "./read-config-file.ts";
import { resolveSettings, type SettingOrigin, type SettingValues } from "./settings.ts";
import { trustAuthority } from "./trust-authority.ts";

/** Where the farm is and who we are there. */
export interface Connection {
  /** Addresses of one or more controllers of one farm, without trailing slashes; at least one. */
  readonly urls: readonly string[];
  readonly urlOrigin: SettingOrigin;
  readonly token: string | undefined;
  readonly tokenOrigin: SettingOrigin | undefined;
  /** A file with the farm's authority, which this process trusts from now on. */
  readonly ca: string | undefined;
  /** `owner/name`, when it was configured. */
  readonly repository: string | undefined;
}

/**
 * Flags, then environment, then the file, then the farm `windrow up` keeps on this machine. The local farm's admin token
 * goes to that farm alone. Errors: CliError `usage` when nothing says where the farm is.
 */
export async function resolveConnection(
  flags: SettingValues,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Connection> {
  const file = await readConfigFile(configFilePath(environment));
  const settings = resolveSettings({ flags, environment, file });
  const local = await findLocalFarm(settings.data?.value, environment);
  const url = settings.url ?? (local === undefined ? undefined : { value: local.url, origin: "local" as const });
  if (url === undefined) {
    throw usageError(
      "no farm is configured",
      `Start one on this machine with \`windrow up\`, or say where yours is: WINDROW_DATA_DIR (the folder of \`windrow up --data\`), --url, WINDROW_URL, or \`url:\` in ${configFilePath(environment)}`,
    );
  }
  const urls = url.value.split(",").map((part) => checkUrl(part.trim()));
  const token = await (async () => {
    if (settings.token !== undefined) return settings.token;
    if (settings.token_file !== undefined) {
      return { value: await readToken(settings.token_file.value), origin: settings.token_file.origin };
    }
    if (local !== undefined && urls.length === 1 && urls[0] === local.url) {
      return { value: await readToken(local.tokenFile), origin: "local" as const };
    }
    return undefined;
  })();
  const ca = settings.ca?.value;
  if (ca !== undefined) trustAuthority(ca);
  return {
    urls,
    ca,
    urlOrigin: url.origin,
    token: token?.value,
    tokenOrigin: token?.origin,
    repository: settings.repo?.value,
  };
}

function checkUrl(text: string): string {
  if (!URL.canParse(text))
    throw usageError(`${JSON.stringify(text)} is not a URL`, "For example: http://127.0.0.1:7070");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw usageError(`${text} must start with http:// or https://`);
  return text.replace(/\/+$/, "");
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new CliError(
      `the token file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        code: "usage",
        exitCode: EXIT.usage,
        hint: "Run the command as the user who started the farm, or give a token of your own with --token or WINDROW_TOKEN",
        cause: error,
      },
    );
  }
}
