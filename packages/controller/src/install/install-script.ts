import { readFile } from "node:fs/promises";
import type { CurrentBundles } from "./agent-bundles.ts";
import type { Platform } from "./bundle-facts.ts";

const TEMPLATE = new URL("./install.sh", import.meta.url);
const UNIT = new URL("../../../../deploy/systemd/windrow-agent.service", import.meta.url);

export interface ScriptFacts {
  readonly farmUrl: string;
  /** PEM of the farm's authority; undefined where every machine can check the farm's certificate, or there is none. */
  readonly authority: string | undefined;
  readonly current: CurrentBundles;
}

/** The script that makes a machine an agent of this farm: the same text on all of its controllers. */
export async function makeInstallScript({ farmUrl, authority, current }: ScriptFacts): Promise<string> {
  const sumOf = (platform: Platform): string =>
    current.bundles.find((bundle) => bundle.platform === platform)?.sha256 ?? "''";
  const values: Readonly<Record<string, string>> = {
    FARM_URL: farmUrl.replace(/[^\x21-\x7e]/g, ""),
    FARM_URL_QUOTED: quote(farmUrl),
    VERSION_QUOTED: quote(current.version),
    SHA256_LINUX_X64: sumOf("linux-x64"),
    SHA256_LINUX_ARM64: sumOf("linux-arm64"),
    CA_PEM_QUOTED: quote(authority?.trim() ?? ""),
    SYSTEMD_UNIT: (await readFile(UNIT, "utf8")).trimEnd(),
  };
  const template = await readFile(TEMPLATE, "utf8");
  return template.replace(/@([A-Z0-9_]+)@/g, (all, name: string) => values[name] ?? all);
}

/** For a shell: nothing in it means anything. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
