import type { Plan, Value, WorkflowSource } from "@windrow/model";
import { keepConverted } from "./expression-data.ts";
import { parseEvent } from "./parse-event.ts";

/** What is known of a run before any of its jobs starts; every plan carries it. */
export type RunFacts = Pick<
  Plan,
  | "repository"
  | "sha"
  | "ref"
  | "runId"
  | "runNumber"
  | "runAttempt"
  | "workflowName"
  | "workflowPath"
  | "eventName"
  | "actor"
  | "triggeringActor"
  | "headRef"
  | "baseRef"
  | "eventDigest"
  | "trust"
  | "defaultBranch"
  | "publicUrl"
> & {
  /** The event's document, which a plan names by its digest. */
  readonly eventJson: string;
};

/** What only the place of an evaluation knows; on the agent all of it. */
export interface GithubContextPlace {
  readonly jobKey?: string;
  /** The file of the job where that is a called one. */
  readonly source?: WorkflowSource;
  /** Base address of git and the API; the public URL of the farm when absent. */
  readonly serverUrl?: string;
  readonly apiUrl?: string;
  readonly workspace?: string;
  readonly token?: string;
  readonly eventPath?: string;
  readonly refProtected?: boolean;
  /** Further entries such as `action`, `env` and `path` (of GITHUB_ENV and GITHUB_PATH); they win. */
  readonly more?: { readonly [name: string]: Value };
}

/**
 * The `github` context. In a called workflow it is the caller's, but for `job_workflow_sha`. Numbers of the run are
 * texts in it, as documented; the event is parsed when it is first read.
 */
export function githubContext(facts: RunFacts, place: GithubContextPlace = {}): { readonly [name: string]: Value } {
  const { name: refName, type: refType } = splitRef(facts.ref);
  const serverUrl = place.serverUrl ?? facts.publicUrl;
  const apiUrl = place.apiUrl ?? `${serverUrl}/api/v3`;
  const context = {
    actor: facts.actor,
    get actor_id(): Value {
      return textOf(readPath(parseEvent(facts.eventJson), ["sender", "id"]));
    },
    triggering_actor: facts.triggeringActor,
    api_url: apiUrl,
    graphql_url: `${apiUrl.replace(/\/v3$/, "")}/graphql`,
    get base_ref(): Value {
      return pullRequestRefs(facts).baseRef;
    },
    get head_ref(): Value {
      return pullRequestRefs(facts).headRef;
    },
    get event(): Value {
      return parseEvent(facts.eventJson);
    },
    event_name: facts.eventName,
    event_path: place.eventPath ?? "",
    job: place.jobKey ?? "",
    job_workflow_sha: place.source?.sha ?? facts.sha,
    ref: facts.ref,
    ref_name: refName,
    ref_type: refType,
    ref_protected: place.refProtected ?? false,
    repository: facts.repository,
    get repository_id(): Value {
      return textOf(readPath(parseEvent(facts.eventJson), ["repository", "id"]));
    },
    repository_owner: facts.repository.split("/")[0] ?? "",
    get repository_owner_id(): Value {
      return textOf(readPath(parseEvent(facts.eventJson), ["repository", "owner", "id"]));
    },
    repositoryUrl: `${serverUrl}/${facts.repository}.git`,
    retention_days: "90",
    run_id: String(facts.runId),
    run_number: String(facts.runNumber),
    run_attempt: String(facts.runAttempt),
    secret_source: "None",
    server_url: serverUrl,
    sha: facts.sha,
    token: place.token ?? "",
    workflow: facts.workflowName,
    workflow_ref: `${facts.repository}/${facts.workflowPath}@${facts.ref}`,
    workflow_sha: facts.sha,
    workspace: place.workspace ?? "",
    ...place.more,
  };
  keepConverted(context);
  return context;
}

/** Branches of a pull request: as the run knows them, else from its event; empty for other events. */
export function pullRequestRefs(facts: Pick<RunFacts, "headRef" | "baseRef" | "eventName" | "eventJson">): {
  readonly headRef: string;
  readonly baseRef: string;
} {
  const { headRef, baseRef } = facts;
  const isKnown = headRef !== "" || baseRef !== "";
  if (isKnown || !PULL_REQUEST_EVENTS.has(facts.eventName)) return { headRef, baseRef };
  const event = parseEvent(facts.eventJson);
  return {
    headRef: textOf(readPath(event, ["pull_request", "head", "ref"])),
    baseRef: textOf(readPath(event, ["pull_request", "base", "ref"])),
  };
}

const PULL_REQUEST_EVENTS = new Set(["pull_request", "pull_request_target"]);

/** `main` and `branch` for `refs/heads/main`; other refs count as branches by their whole name. */
function splitRef(ref: string): { name: string; type: "branch" | "tag" } {
  if (ref.startsWith("refs/tags/")) return { name: ref.slice("refs/tags/".length), type: "tag" };
  return { name: ref.replace(/^refs\/(?:heads|pull)\//, ""), type: "branch" };
}

function readPath(value: Value, path: readonly string[]): Value {
  let at: Value | undefined = value;
  for (const name of path) {
    at = isMap(at) && Object.hasOwn(at, name) ? at[name] : null;
  }
  return at ?? null;
}

const isMap = (value: Value | undefined): value is { readonly [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function textOf(value: Value): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
