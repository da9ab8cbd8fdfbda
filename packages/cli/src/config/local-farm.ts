import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/** A farm that `windrow up` keeps on this machine. */
export interface LocalFarm {
  readonly url: string;
  readonly tokenFile: string;
  readonly dataFolder: string;
}

const LOCAL_URL_DEFAULT = "http://127.0.0.1:7070";

/** The data folder `windrow up` uses unless it is told another. */
export function defaultDataFolder(environment: Readonly<Record<string, string | undefined>>): string {
  return path.join(environment.HOME || homedir(), ".local", "share", "windrow");
}

/** The local farm whose data folder exists, running or not; nothing when there is none. */
export async function findLocalFarm(
  dataFolder: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<LocalFarm | undefined> {
  const folder = dataFolder ?? defaultDataFolder(environment);
  const tokenFile = path.join(folder, "admin-token");
  try {
    await access(tokenFile);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw error;
  }
  return { url: await readLocalUrl(path.join(folder, "farm.json")), tokenFile, dataFolder: folder };
}

/** `windrow up` writes down where its farm listens; a folder without that note is at the default address. */
async function readLocalUrl(file: string): Promise<string> {
  try {
    const farm: unknown = JSON.parse(await readFile(file, "utf8"));
    const isNamed = typeof farm === "object" && farm !== null && "local_url" in farm;
    return isNamed && typeof farm.local_url === "string" ? farm.local_url : LOCAL_URL_DEFAULT;
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isAbsent || error instanceof SyntaxError) return LOCAL_URL_DEFAULT;
    throw error;
  }
}
