/** How an agent's version stands to the one its farm hands out. `other` is another build of the same release. */
export type VersionSkew = "same" | "older" | "newer" | "other";

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:\+([0-9a-f]+))?$/;

/**
 * Compares `1.2.3` or `1.2.3+build` with another one. A version without a build, from a checkout for example, is the same as
 * every build of its release; what is no version at all is `other`.
 */
export function compareVersions(version: string, target: string): VersionSkew {
  const [own, wanted] = [VERSION.exec(version), VERSION.exec(target)];
  if (own === null || wanted === null) return version === target ? "same" : "other";
  for (const part of [1, 2, 3]) {
    const difference = Number(own[part]) - Number(wanted[part]);
    if (difference !== 0) return difference < 0 ? "older" : "newer";
  }
  return own[4] === undefined || wanted[4] === undefined || own[4] === wanted[4] ? "same" : "other";
}

/** True for what an upgrade to `target` would change. */
export function isOutdated(version: string, target: string): boolean {
  const skew = compareVersions(version, target);
  return skew === "older" || skew === "other";
}
