/** What happened, as far as `on:` can ask. */
export type TriggerEvent =
  | PushEvent
  | PullRequestEvent
  | {
      readonly event: "merge_group";
      /** `checks_requested`; without it the types are not asked. */
      readonly action?: string;
      /** The branch, with or without `refs/heads/`. */
      readonly baseRef: string;
    }
  | {
      readonly event: "workflow_run";
      /** `requested`, `in_progress` or `completed`. */
      readonly action: string;
      /** Name of the workflow that ran. */
      readonly workflow: string;
      /** The branch it ran for. */
      readonly headBranch: string;
    }
  /** `action` is the type the sender chose. */
  | { readonly event: "repository_dispatch"; readonly action: string }
  | {
      readonly event: "release";
      readonly action: string;
      /** Drafts that are made, changed or deleted start nothing. */
      readonly isDraft?: boolean;
    }
  /** The schedule whose time has come, as written; without it every schedule is meant. */
  | { readonly event: "schedule"; readonly schedule?: string }
  /** Somebody starts it by hand; another workflow calls it; a branch or tag is made or gone. */
  | { readonly event: "workflow_dispatch" | "workflow_call" | "create" | "delete" }
  | { readonly event: "other"; readonly name: string; readonly action?: string };

export interface PushEvent {
  readonly event: "push";
  /** The whole name: `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string;
  /** The ref is gone: nothing starts. */
  readonly deleted?: boolean;
  /**
   * Paths that differ between before and after (two dots; a new branch: against the parent of its deepest commit), in
   * the order of the diff. `undefined` when that is not known, and then no path filter holds the run back.
   */
  readonly changedPaths?: readonly string[];
  /** Commits of the push, where known: with very many, path filters hold nothing back. */
  readonly commitCount?: number;
  /** Message of the head commit, for `[skip ci]`. */
  readonly headMessage?: string;
}

export interface PullRequestEvent {
  readonly event: "pull_request" | "pull_request_target";
  /** `opened`, `synchronize`, `closed`, … */
  readonly action: string;
  /** The branch it is to be merged into. */
  readonly baseRef: string;
  /** Paths that differ from the merge base (three dots); as for a push otherwise. */
  readonly changedPaths?: readonly string[];
  readonly commitCount?: number;
  readonly headMessage?: string;
}

export type TriggerMatch =
  | { readonly matches: true }
  /** `reason` is a sentence for people. */
  | { readonly matches: false; readonly reason: string };

export const MATCH: TriggerMatch = { matches: true };

export function noMatch(reason: string): TriggerMatch {
  return { matches: false, reason };
}
