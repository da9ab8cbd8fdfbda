import { homedir } from "node:os";
import { join } from "node:path";

/** Places that come from the environment. */
export interface EmbeddedPlaces {
  /** Folders searched for programs. */
  readonly programFolders: readonly string[];
  /** Where downloaded programs are kept. */
  readonly cacheDir: string;
}

/** A person's PATH often leaves out where servers are. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/bin", "/usr/bin"];

export function readEmbeddedPlaces(env: NodeJS.ProcessEnv): EmbeddedPlaces {
  const cacheHome = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const programFolders = [...(env.PATH ?? "").split(":").filter(Boolean), ...SYSTEM_FOLDERS];
  return { programFolders, cacheDir: join(cacheHome, "windrow") };
}
