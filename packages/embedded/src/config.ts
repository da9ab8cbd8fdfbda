import { homedir } from "node:os";
import { join } from "node:path";

/** Places that come from the environment. */
export interface EmbeddedPlaces {
  /** Folders searched for programs. */
  readonly programFolders: readonly string[];
  /** Where downloaded programs are kept. */
  readonly cacheDir: string;
}

export function readEmbeddedPlaces(env: NodeJS.ProcessEnv): EmbeddedPlaces {
  const cacheHome = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return { programFolders: (env.PATH ?? "").split(":").filter(Boolean), cacheDir: join(cacheHome, "windrow") };
}
