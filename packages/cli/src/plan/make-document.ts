import type { Payload } from "./plan-payload.ts";

const NO_SHA = "0".repeat(40);

/** What is known where nobody gives an event's document. */
export interface EventPlace {
  readonly event: string;
  readonly actor: string;
  /** Full: `refs/heads/main`. */
  readonly ref: string;
  readonly sha: string;
  readonly repository: string;
  readonly defaultBranch: string;
  /** The branch here: the head of a pull request. */
  readonly branch: string;
  /** Of the head commit. */
  readonly message: string;
  readonly workflowPath: string;
  readonly inputs: Readonly<Record<string, string>>;
}

/** The event's document with the fields that workflows read. */
export function makeDocument(place: EventPlace): Payload {
  const { event, actor, sha, ref } = place;
  const [owner = "", name = ""] = place.repository.split("/");
  const repository = {
    name,
    full_name: place.repository,
    private: true,
    fork: false,
    owner: { login: owner, name: owner },
    default_branch: place.defaultBranch,
  };
  const common = { repository, sender: { login: actor } };
  if (event === "push") {
    const commit = { id: sha, message: place.message };
    return { ...common, ref, before: NO_SHA, after: sha, head_commit: commit, commits: [] };
  }
  if (event.startsWith("pull_request")) {
    const head = { ref: place.branch, sha, repo: repository };
    const base = { ref: place.defaultBranch, repo: repository };
    const user = { login: actor };
    const pull = { number: 1, title: "", draft: false, merged: false, labels: [], user, head, base };
    return { ...common, action: "opened", number: 1, pull_request: pull };
  }
  if (event === "workflow_dispatch") return { ...common, ref, inputs: place.inputs, workflow: place.workflowPath };
  return common;
}
