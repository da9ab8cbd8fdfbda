import type { Value } from "@windrow/model";
import type { PullRequestEvent, TriggerEvent } from "./trigger-event.ts";

/** What is known besides the event's document. */
export interface EventFacts {
  readonly event: string;
  /** The whole name: `refs/heads/main`; taken from the document where it has one and this is absent. */
  readonly ref?: string;
  readonly payload: Value;
  readonly changedPaths?: readonly string[];
  /** Message of the head commit, where the document does not have it: that of a pull request never does. */
  readonly headMessage?: string;
}

/** What `on:` can ask about an event, read from its document. Texts that are missing there are empty. */
export function readTriggerEvent({ event, ref, payload, changedPaths, headMessage }: EventFacts): TriggerEvent {
  const text = (...path: string[]): string => textAt(payload, path);
  const action = text("action");
  const paths = changedPaths === undefined ? {} : { changedPaths };
  switch (event) {
    case "push":
      return {
        event,
        ref: ref ?? text("ref"),
        deleted: valueAt(payload, ["deleted"]) === true,
        headMessage: text("head_commit", "message") || (headMessage ?? ""),
        ...paths,
      };
    case "pull_request":
    case "pull_request_target":
      return readPullRequest(event, payload, { ...paths, ...(headMessage !== undefined && { headMessage }) });
    case "merge_group":
      return { event, ...(action !== "" && { action }), baseRef: text("merge_group", "base_ref") };
    case "workflow_run":
      return {
        event,
        action: action === "" ? "completed" : action,
        workflow: text("workflow_run", "name") || text("workflow", "name"),
        headBranch: text("workflow_run", "head_branch"),
      };
    case "repository_dispatch":
      return { event, action };
    case "release":
      return { event, action, isDraft: valueAt(payload, ["release", "draft"]) === true };
    case "schedule": {
      const schedule = text("schedule");
      return { event, ...(schedule !== "" && { schedule }) };
    }
    case "workflow_dispatch":
    case "workflow_call":
    case "create":
    case "delete":
      return { event };
    default:
      return { event: "other", name: event, ...(action !== "" && { action }) };
  }
}

function readPullRequest(
  event: PullRequestEvent["event"],
  payload: Value,
  known: Pick<PullRequestEvent, "changedPaths" | "headMessage">,
): PullRequestEvent {
  const action = textAt(payload, ["action"]);
  const commits = valueAt(payload, ["pull_request", "commits"]);
  return {
    event,
    action: action === "" ? "synchronize" : action,
    baseRef: textAt(payload, ["pull_request", "base", "ref"]),
    ...(typeof commits === "number" && { commitCount: commits }),
    ...known,
  };
}

function textAt(payload: Value, path: readonly string[]): string {
  const value = valueAt(payload, path);
  return typeof value === "string" ? value : "";
}

function valueAt(payload: Value, path: readonly string[]): Value | undefined {
  let value: Value | undefined = payload;
  for (const name of path) {
    if (typeof value !== "object" || value === null || isList(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
