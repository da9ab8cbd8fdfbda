import { readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

export const NPM_REGISTRY_DEFAULT = "https://registry.npmjs.org";

/** The registry that npm itself would use here: as configured, else as the first of npm's own files that names one says. */
export function findNpmRegistry(options: {
  readonly configured: string | undefined;
  readonly npmrcPaths: readonly string[];
}): string {
  const urls = [options.configured, ...options.npmrcPaths.map(readNpmrc), NPM_REGISTRY_DEFAULT];
  return urls.find((url) => url !== undefined && /^https?:\/\//.test(url)) ?? NPM_REGISTRY_DEFAULT;
}

function readNpmrc(path: string): string | undefined {
  try {
    return /^\s*registry\s*=\s*"?([^"\s]+)/m.exec(readFileSync(path, "utf8"))?.[1];
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "ENOTDIR", "EISDIR")) return undefined;
    throw error;
  }
}
