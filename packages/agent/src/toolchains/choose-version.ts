import { coerce, gt, maxSatisfying, type SemVer, satisfies, valid, validRange } from "semver";

/** Something with a version: a tool of the machine, of a cache, of a registry. */
export interface Versioned {
  readonly version: string;
}

/** A file of the workspace may have anything in place of a version. */
const RANGE_CHARS_MAX = 256;

/** Whether the text means versions at all: `20`, `20.x`, `^18.1`, `>=18 <21`, `1.22.3`. */
export const isRange = (text: string): boolean =>
  text.length <= RANGE_CHARS_MAX && validRange(text, { loose: true }) !== null;

/** Of those that the range allows, the newest; a prerelease only when the range names one. */
export function chooseVersion<T extends Versioned>(offered: readonly T[], range: string): T | undefined {
  const best = maxSatisfying(
    offered.map((one) => normalise(one.version)),
    range,
    { loose: true },
  );
  return best === null ? undefined : offered.find((one) => normalise(one.version) === best);
}

/** Whether one version is allowed. */
export const isAllowed = (version: string, range: string): boolean =>
  satisfies(normalise(version), range, { loose: true });

/** Newest first, without doubles: for sentences. */
export function versionsOf(offered: readonly Versioned[]): string[] {
  const versions = [...new Set(offered.map((one) => one.version))];
  return versions.sort((a, b) => (gt(normalise(a), normalise(b)) ? -1 : 1));
}

/** `1.22` and `17.0.9+9` have to become versions in semver's own form. */
function normalise(version: string): string {
  const whole = valid(version, { loose: true });
  if (whole !== null) return whole;
  const read: SemVer | null = coerce(version, { includePrerelease: true });
  return read?.version ?? "0.0.0";
}
