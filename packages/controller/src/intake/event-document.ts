import type { RepositoryRow } from "@windrow/store";
import type { CommitFacts } from "./read-workflow-files.ts";

/** What `github.event` is made of. */
export interface EventSource {
  readonly repository: Pick<RepositoryRow, "id" | "owner" | "name" | "default_branch">;
  readonly publicUrl: string;
  readonly actor: string;
  readonly commit: CommitFacts;
  readonly ref: string;
}

/** The `push` event's document, with the fields that workflows read. */
export function pushDocument(source: EventSource, update: { readonly before: string; readonly after: string }): string {
  const { before, after } = update;
  const head = commitDocument(source.commit);
  return JSON.stringify({
    ref: source.ref,
    before,
    after,
    created: /^0+$/.test(before),
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${source.publicUrl}/${source.repository.owner}/${source.repository.name}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: [head],
    head_commit: head,
    pusher: { name: source.actor },
    ...common(source),
  });
}

/** The `workflow_dispatch` event's document. */
export function dispatchDocument(
  source: EventSource,
  start: { readonly workflow: string; readonly inputs: Readonly<Record<string, string>> },
): string {
  return JSON.stringify({ ref: source.ref, inputs: start.inputs, workflow: start.workflow, ...common(source) });
}

/** The `create` and `delete` events' document. */
export function refDocument(source: EventSource, ref: string): string {
  const [, type = "heads", name = ref] = /^refs\/(heads|tags)\/(.*)$/s.exec(ref) ?? [];
  return JSON.stringify({
    ref: name,
    ref_type: type === "tags" ? "tag" : "branch",
    master_branch: source.repository.default_branch,
    pusher_type: "user",
    ...common(source),
  });
}

/** The document of an event that came with one: it says what it says, and the rest is as the farm knows it. */
export function payloadDocument(source: EventSource, payload: { readonly [name: string]: unknown }): string {
  return JSON.stringify({ ...common(source), ...payload });
}

function common({ repository, publicUrl, actor }: EventSource) {
  const { id, owner, name, default_branch } = repository;
  return {
    repository: {
      id,
      name,
      full_name: `${owner}/${name}`,
      private: true,
      owner: { login: owner, name: owner },
      default_branch,
      clone_url: `${publicUrl}/git/${owner}/${name}.git`,
      html_url: `${publicUrl}/${owner}/${name}`,
    },
    sender: { login: actor },
  };
}

function commitDocument({ sha, message, author, committedAt }: CommitFacts) {
  return {
    id: sha,
    message,
    timestamp: new Date(committedAt * 1000).toISOString(),
    author: { name: author.name, email: author.email },
    distinct: true,
  };
}
