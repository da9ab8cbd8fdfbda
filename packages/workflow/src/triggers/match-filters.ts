import type { Trigger } from "@windrow/model";
import { matchPatterns, PatternWork, PatternWorkSpent } from "./match-pattern.ts";
import { MATCH, noMatch, type TriggerMatch } from "./trigger-event.ts";

/** As documented: a diff is looked at as far as this. */
const CHANGED_PATHS_MAX = 300;
/** As documented: with more commits, path filters hold nothing back. */
const COMMITS_MAX = 1_000;

interface Filter {
  readonly wanted: readonly string[] | undefined;
  readonly ignored: readonly string[] | undefined;
  readonly what: string;
}

function matchFilter(name: string, { wanted, ignored, what }: Filter): TriggerMatch {
  if (wanted !== undefined && !matchPatterns(wanted, name)) return noMatch(`'${name}' matches none of '${what}'`);
  if (ignored !== undefined && matchPatterns(ignored, name)) return noMatch(`'${name}' matches '${what}-ignore'`);
  return MATCH;
}

/** `branches` or `branches-ignore` for a branch by its short name. */
export function matchBranch({ branches, branchesIgnore }: Trigger, name: string): TriggerMatch {
  return matchFilter(name, { wanted: branches, ignored: branchesIgnore, what: "branches" });
}

/** The ref of a push. Filters for branches alone leave tags out, and the other way round. */
export function matchRef(trigger: Trigger, ref: string): TriggerMatch {
  const { branches, branchesIgnore, tags, tagsIgnore } = trigger;
  const hasBranches = branches !== undefined || branchesIgnore !== undefined;
  const hasTags = tags !== undefined || tagsIgnore !== undefined;
  if (ref.startsWith("refs/heads/")) {
    if (!hasBranches) return hasTags ? noMatch("'push' filters tags only") : MATCH;
    return matchBranch(trigger, branchName(ref));
  }
  if (ref.startsWith("refs/tags/")) {
    if (!hasTags) return hasBranches ? noMatch("'push' filters branches only") : MATCH;
    return matchFilter(ref.slice("refs/tags/".length), { wanted: tags, ignored: tagsIgnore, what: "tags" });
  }
  return noMatch(`${ref} is neither a branch nor a tag`);
}

export function branchName(ref: string): string {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : ref;
}

/** `paths` and `paths-ignore`; what is not known, or too much to know, holds nothing back. */
export function matchPaths(
  { paths, pathsIgnore }: Trigger,
  { changedPaths, commitCount = 0 }: { changedPaths?: readonly string[] | undefined; commitCount?: number | undefined },
): TriggerMatch {
  if (changedPaths === undefined || commitCount > COMMITS_MAX) return MATCH;
  if (paths === undefined && pathsIgnore === undefined) return MATCH;
  if (changedPaths.length === 0) return noMatch("no file changed");
  const seen = changedPaths.slice(0, CHANGED_PATHS_MAX);
  const work = new PatternWork();
  try {
    if (paths !== undefined && !seen.some((path) => matchPatterns(paths, path, work))) {
      const within = changedPaths.length > seen.length ? ` among the first ${CHANGED_PATHS_MAX}` : "";
      return noMatch(`no changed file${within} matches 'paths'`);
    }
    if (pathsIgnore !== undefined && seen.every((path) => matchPatterns(pathsIgnore, path, work))) {
      return noMatch("every changed file matches 'paths-ignore'");
    }
  } catch (error) {
    if (!(error instanceof PatternWorkSpent)) throw error;
  }
  return MATCH;
}
