import type { Trigger, WorkflowDefinition } from "@windrow/model";
import { matchPatterns } from "./match-pattern.ts";

/** What happened, as far as `on:` can ask. */
export type TriggerEvent =
  | {
      readonly event: "push";
      /** The whole name: `refs/heads/main`, `refs/tags/v1`. */
      readonly ref: string;
      /** The ref is gone: nothing starts. */
      readonly deleted?: boolean;
      /** Paths that differ from before; `undefined` when that is not known, and then no path filter holds the run back. */
      readonly changedPaths?: readonly string[];
      /** Message of the head commit, for `[skip ci]`. */
      readonly headMessage?: string;
    }
  /** Somebody starts it by hand. */
  | { readonly event: "workflow_dispatch" };

export type TriggerMatch =
  | { readonly matches: true }
  /** `reason` is a sentence for people. */
  | { readonly matches: false; readonly reason: string };

const SKIP_WORDS = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"];
const MATCH: TriggerMatch = { matches: true };

/** Whether a workflow starts for an event. */
export function matchTriggers(definition: Pick<WorkflowDefinition, "triggers">, event: TriggerEvent): TriggerMatch {
  const trigger = definition.triggers.find((one) => one.event === event.event);
  if (trigger === undefined) return no(`'on' does not name ${event.event}`);
  return event.event === "push" ? matchPush(trigger, event) : MATCH;
}

type PushEvent = Extract<TriggerEvent, { readonly event: "push" }>;

function no(reason: string): TriggerMatch {
  return { matches: false, reason };
}

function matchPush(trigger: Trigger, { ref, deleted, changedPaths, headMessage }: PushEvent): TriggerMatch {
  if (deleted === true) return no("the ref was deleted");
  const skip = findSkipWord(headMessage ?? "");
  if (skip !== undefined) return no(`the head commit's message says ${skip}`);
  const byRef = matchRef(trigger, ref);
  if (!byRef.matches || changedPaths === undefined || ref.startsWith("refs/tags/")) return byRef;
  return matchPaths(trigger, changedPaths);
}

/** Filters for branches alone leave tags out, and the other way round. */
function matchRef(trigger: Trigger, ref: string): TriggerMatch {
  const hasBranches = trigger.branches !== undefined || trigger.branchesIgnore !== undefined;
  const hasTags = trigger.tags !== undefined || trigger.tagsIgnore !== undefined;
  const branch = nameAfter(ref, "refs/heads/");
  const tag = nameAfter(ref, "refs/tags/");
  if (branch !== undefined) {
    if (!hasBranches) return hasTags ? no("'push' filters tags only") : MATCH;
    return matchFilter(branch, { wanted: trigger.branches, ignored: trigger.branchesIgnore, what: "branches" });
  }
  if (tag !== undefined) {
    if (!hasTags) return hasBranches ? no("'push' filters branches only") : MATCH;
    return matchFilter(tag, { wanted: trigger.tags, ignored: trigger.tagsIgnore, what: "tags" });
  }
  return no(`${ref} is neither a branch nor a tag`);
}

function nameAfter(ref: string, prefix: string): string | undefined {
  return ref.startsWith(prefix) ? ref.slice(prefix.length) : undefined;
}

function matchFilter(
  name: string,
  {
    wanted,
    ignored,
    what,
  }: { wanted: readonly string[] | undefined; ignored: readonly string[] | undefined; what: string },
): TriggerMatch {
  if (wanted !== undefined && !matchPatterns(wanted, name)) return no(`'${name}' matches none of '${what}'`);
  if (ignored !== undefined && matchPatterns(ignored, name)) return no(`'${name}' matches '${what}-ignore'`);
  return MATCH;
}

function matchPaths({ paths, pathsIgnore }: Trigger, changed: readonly string[]): TriggerMatch {
  if (paths !== undefined && !changed.some((path) => matchPatterns(paths, path))) {
    return no("no changed file matches 'paths'");
  }
  if (pathsIgnore !== undefined && changed.length > 0 && changed.every((path) => matchPatterns(pathsIgnore, path))) {
    return no("every changed file matches 'paths-ignore'");
  }
  return MATCH;
}

function findSkipWord(message: string): string | undefined {
  const word = SKIP_WORDS.find((one) => message.includes(one));
  if (word !== undefined) return word;
  const last = message.trimEnd().split("\n").at(-1) ?? "";
  return message.trimEnd().includes("\n") && /^skip-checks: ?true$/.test(last.trim()) ? last.trim() : undefined;
}
