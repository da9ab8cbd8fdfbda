import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Where an agent can run: as Node names operating system and processor. */
export const PLATFORMS = ["linux-x64", "linux-arm64"] as const;
export type Platform = (typeof PLATFORMS)[number];

/** A bundle that lies ready in the folder of bundles. */
export interface BundleFacts {
  readonly platform: Platform;
  /** Of the package, then `+` and the beginning of the code's digest. */
  readonly version: string;
  readonly sha256: string;
  readonly bytesCount: number;
}

/** How a version looks, and so also what a name in a URL may be. */
export const VERSION_PATTERN = /^\d+\.\d+\.\d+\+[0-9a-f]{8}$/;

export const factsFile = (dir: string, of: { readonly platform: Platform; readonly version: string }): string =>
  join(dir, `agent-${of.platform}-${of.version}.json`);

export const archiveFile = (dir: string, sha256: string): string => join(dir, `${sha256}.tar.gz`);

/** What was published under a version; undefined when nothing was. */
export async function readBundleFacts(
  dir: string,
  of: { readonly platform: Platform; readonly version: string },
): Promise<BundleFacts | undefined> {
  const text = await readFile(factsFile(dir, of), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : toBundleFacts(JSON.parse(text));
}

/** Whether a bundle can be handed out still. */
export async function isBundleThere(dir: string, bundle: BundleFacts): Promise<boolean> {
  try {
    const { size } = await stat(archiveFile(dir, bundle.sha256));
    return size === bundle.bytesCount && (await readBundleFacts(dir, bundle)) !== undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

/** Checks what was written as JSON. Throws when it is anything else. */
export function toBundleFacts(value: unknown): BundleFacts {
  if (typeof value === "object" && value !== null && "platform" in value && "version" in value) {
    const { platform, version } = value;
    const known = PLATFORMS.find((one) => one === platform);
    if (known !== undefined && typeof version === "string" && "sha256" in value && "bytesCount" in value) {
      const { sha256, bytesCount } = value;
      if (typeof sha256 === "string" && typeof bytesCount === "number")
        return { platform: known, version, sha256, bytesCount };
    }
  }
  throw new Error("the facts of a bundle are damaged: remove the folder `install` of the data folder");
}
