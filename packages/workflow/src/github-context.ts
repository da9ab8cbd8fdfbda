import type { Plan, Value } from "@windrow/model";

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
  | "eventJson"
>;

/** What only the place of an evaluation knows; on the agent all of it. */
export interface GithubContextPlace {
  readonly jobKey?: string;
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

/** The `github` context. Numbers of the run are texts in it, as documented; the event is parsed when it is first read. */
export function githubContext(facts: RunFacts, place: GithubContextPlace = {}): { readonly [name: string]: Value } {
  const { name: refName, type: refType } = splitRef(facts.ref);
  const serverUrl = place.serverUrl ?? facts.publicUrl;
  const apiUrl = place.apiUrl ?? `${serverUrl}/api/v3`;
  let event: Value | undefined;
  return {
    actor: facts.actor,
    triggering_actor: facts.triggeringActor,
    api_url: apiUrl,
    graphql_url: `${apiUrl.replace(/\/v3$/, "")}/graphql`,
    base_ref: facts.baseRef,
    head_ref: facts.headRef,
    get event(): Value {
      event ??= parseEvent(facts.eventJson);
      return event;
    },
    event_name: facts.eventName,
    event_path: place.eventPath ?? "",
    job: place.jobKey ?? "",
    ref: facts.ref,
    ref_name: refName,
    ref_type: refType,
    ref_protected: place.refProtected ?? false,
    repository: facts.repository,
    repository_owner: facts.repository.split("/")[0] ?? "",
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
}

/** `main` and `branch` for `refs/heads/main`; other refs count as branches by their whole name. */
export function splitRef(ref: string): { name: string; type: "branch" | "tag" } {
  if (ref.startsWith("refs/tags/")) return { name: ref.slice("refs/tags/".length), type: "tag" };
  return { name: ref.replace(/^refs\/heads\//, ""), type: "branch" };
}

function parseEvent(json: string): Value {
  if (json === "") return {};
  const parsed: Value = JSON.parse(json);
  return parsed;
}
