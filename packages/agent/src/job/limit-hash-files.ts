import { HASH_MS_MAX, type HashFilesOptions, hashFiles } from "./hash-files.ts";

/**
 * `hashFiles` for one job. Nothing else of the agent goes on while it is waited for, so all calls together may take no
 * longer than one before the agent had its turn again: a condition may hold hundreds of them. Throws as `hashFiles` does.
 */
export function limitHashFiles(
  options: Omit<HashFilesOptions, "patterns">,
  hash: typeof hashFiles = hashFiles,
): (patterns: readonly string[]) => string {
  const { msMax = HASH_MS_MAX } = options;
  let leftMs = msMax;
  let isCounting = false;
  return (patterns) => {
    if (!isCounting) {
      isCounting = true;
      setImmediate(() => {
        isCounting = false;
        leftMs = msMax;
      });
    }
    if (leftMs <= 0) throw new Error(`hashFiles(${patterns.join(", ")}): the calls before it took ${msMax} ms`);
    const beganMs = performance.now();
    try {
      return hash({ ...options, patterns, msMax: Math.ceil(leftMs) });
    } finally {
      leftMs -= performance.now() - beganMs;
    }
  };
}
