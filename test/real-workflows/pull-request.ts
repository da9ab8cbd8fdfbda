import type { PullRequestFacts } from "./real-case.ts";

/** The document of an opened pull request, with the fields that workflow files read. */
export function pullRequest(
  facts: PullRequestFacts,
  about: {
    readonly base: string;
    readonly title?: string;
    readonly body?: string;
    readonly labels?: readonly string[];
  },
): Readonly<Record<string, unknown>> {
  const [owner = ""] = facts.repository.split("/");
  const repo = { full_name: facts.repository, owner: { login: owner } };
  return {
    action: "opened",
    number: 1,
    pull_request: {
      number: 1,
      state: "open",
      draft: false,
      title: about.title ?? "A change",
      body: about.body ?? "What it does.",
      user: { login: "somebody" },
      labels: (about.labels ?? []).map((name) => ({ name })),
      base: { ref: about.base, sha: facts.baseSha, repo },
      head: { ref: "a-change", sha: facts.sha, label: `${owner}:a-change`, repo },
    },
  };
}
