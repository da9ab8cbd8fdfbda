/** What can be configured, once: flag, environment variable and key of the file come from this table. */
export const SETTINGS = {
  url: {
    flag: "--url <url>",
    variable: "WINDROW_URL",
    description: "the farm's address; several controllers may be named, with commas between them",
  },
  token: { flag: "--token <token>", variable: "WINDROW_TOKEN", description: "your token (wru_…)" },
  token_file: {
    flag: "--token-file <file>",
    variable: "WINDROW_TOKEN_FILE",
    description: "a file that holds your token",
  },
  ca: {
    flag: "--ca <file>",
    variable: "WINDROW_CA",
    description: "the farm's certificate authority (PEM), trusted beside the machine's own",
  },
  repo: { flag: "-R, --repo <owner/name>", variable: "WINDROW_REPO", description: "the repository meant" },
  data: {
    flag: "--data <folder>",
    variable: "WINDROW_DATA_DIR",
    description: "the data folder of a farm on this machine",
  },
} as const satisfies Record<string, { flag: string; variable: string; description: string }>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS).filter((name): name is SettingName => name in SETTINGS);

/** Where a value came from; earlier ones win. `local` is the farm that `windrow up` keeps on this machine. */
export type SettingOrigin = "flag" | "environment" | "file" | "local";
export interface Setting {
  readonly value: string;
  readonly origin: SettingOrigin;
}
export type Settings = { readonly [N in SettingName]?: Setting };
export type SettingValues = { readonly [N in SettingName]?: string | undefined };

/**
 * Flags win over the environment, which wins over the file. A token of the file belongs to the address beside it and goes
 * to no other.
 */
export function resolveSettings(given: {
  readonly flags: SettingValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: SettingValues;
}): Settings {
  const settings: { [N in SettingName]?: Setting } = {};
  const environmentValue = (name: SettingName) => given.environment[SETTINGS[name].variable] || undefined;
  for (const name of SETTING_NAMES) {
    const candidates: [SettingOrigin, string | undefined][] = [
      ["flag", given.flags[name]],
      ["environment", environmentValue(name)],
      ["file", given.file[name]],
    ];
    const found = candidates.find(([, value]) => value !== undefined);
    if (found?.[1] !== undefined) settings[name] = { origin: found[0], value: found[1] };
  }
  const isElsewhere =
    settings.url !== undefined && given.file.url !== undefined && settings.url.value !== given.file.url;
  for (const name of ["token", "token_file"] as const) {
    if (isElsewhere && settings[name]?.origin === "file") delete settings[name];
  }
  return settings;
}
