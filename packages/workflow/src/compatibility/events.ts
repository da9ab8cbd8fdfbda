import { type Entry, partly, supported } from "./entry.ts";

const TRIED = "filters and types as documented; started by `windrow try --event` until a forge delivers it";
const NEVER = "accepted with a warning: nothing on the farm causes it; `windrow try --event` starts it";

/** Every event that `on:` may name. */
export const EVENTS: readonly Entry[] = [
  supported("push", "a push of a branch or a tag; the words [skip ci] and their other forms hold it back"),
  supported("create", "a push that makes a branch or a tag"),
  supported("delete", "a push that deletes one"),
  supported("workflow_dispatch", "`windrow run start`, the API, or a job's token with actions: write"),
  supported("workflow_call"),
  partly("workflow_run", "when a run of the repository has completed; not when it is requested or in progress"),
  supported("repository_dispatch", "by the API"),
  supported("schedule", "on the default branch; UTC unless a time zone is named"),
  partly("pull_request", TRIED),
  partly("pull_request_target", TRIED),
  partly("merge_group", TRIED),
  partly("release", TRIED),
  ..."branch_protection_rule check_run check_suite deployment deployment_status discussion discussion_comment fork gollum"
    .split(" ")
    .map((name) => partly(name, NEVER)),
  ..."image_version issue_comment issues label milestone page_build project project_card project_column public"
    .split(" ")
    .map((name) => partly(name, NEVER)),
  ..."pull_request_comment pull_request_review pull_request_review_comment registry_package status watch"
    .split(" ")
    .map((name) => partly(name, NEVER)),
];

/** Every filter below an event. */
export const FILTERS: readonly Entry[] = [
  supported("branches", "of push, and of the base of a pull request; patterns in order, the last that matches counts"),
  supported("branches-ignore"),
  supported("tags", "of push"),
  supported("tags-ignore", "of push"),
  supported("paths", "two-dot difference for a push, three-dot for a pull request"),
  supported("paths-ignore"),
  supported("types", "pull_request: opened, synchronize and reopened unless named"),
  supported("workflows", "of workflow_run"),
  partly("names", "of image_version; without effect: nothing on the farm makes images"),
  partly("versions", "of image_version; without effect"),
];
