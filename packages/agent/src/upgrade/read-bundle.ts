import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../start/config-error.ts";

/** What this agent runs from, when it was installed from a bundle. */
export interface Bundle {
  readonly version: string;
  readonly platform: string;
  /** The folder of this version. */
  readonly dir: string;
  /** The installation: `versions`, and the link `current`. */
  readonly baseDir: string;
}

/** Reads the bundle's own word. Throws `ConfigError` when it is damaged. */
export function readBundle(dir: string): Bundle {
  const { version, platform } = readManifest(dir);
  return { version, platform, dir, baseDir: dirname(dirname(dir)) };
}

export interface Manifest {
  readonly version: string;
  readonly platform: string;
  /** SHA-256 in hexadecimal by the file's place. */
  readonly files: Readonly<Record<string, string>>;
}

/** Throws `ConfigError`. */
export function readManifest(dir: string): Manifest {
  const path = join(dir, "manifest.json");
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (isManifest(manifest)) return manifest;
  } catch (cause) {
    throw new ConfigError(`${path} cannot be read (${String(cause)}): install the agent again`);
  }
  throw new ConfigError(`${path} is damaged: install the agent again`);
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  if (!("version" in value) || !("platform" in value) || !("files" in value)) return false;
  const { version, platform, files } = value;
  if (typeof version !== "string" || typeof platform !== "string") return false;
  return typeof files === "object" && files !== null && Object.values(files).every((sum) => typeof sum === "string");
}
