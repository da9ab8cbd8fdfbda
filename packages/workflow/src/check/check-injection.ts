import type { Diagnostics } from "../diagnostics.ts";
import type { FoundPath } from "./find-expressions.ts";

/** Texts that whoever opens an issue or a pull request, comments, or commits chooses freely. */
const FOREIGN_TEXTS: readonly (readonly string[])[] = [
  "github.head_ref",
  ...[
    ..."issue.title issue.body comment.body review.body review_comment.body discussion.title discussion.body".split(
      " ",
    ),
    ..."pull_request.title pull_request.body pull_request.head.ref pull_request.head.label".split(" "),
    ..."pull_request.head.repo.default_branch pages.*.page_name".split(" "),
    ...["head_commit", "commits.*", "workflow_run.head_commit"].flatMap((commit) =>
      ["message", "author.email", "author.name"].map((one) => `${commit}.${one}`),
    ),
    ..."workflow_run.head_branch workflow_run.display_title workflow_run.pull_requests.*.head.ref".split(" "),
  ].map((text) => `github.event.${text}`),
].map((text) => text.split("."));

/**
 * Warns where such a text is put into a script: it is there before the shell reads the script, so it can be commands.
 */
export function checkInjection(
  paths: readonly FoundPath[],
  language: "shell" | "code",
  diagnostics: Diagnostics,
): void {
  for (const path of paths) {
    if (!path.isShown || !isForeign(path.names.map((name) => name.toLowerCase()))) continue;
    const written = path.names.join(".");
    const variable = path.names
      .slice(-2)
      .join("_")
      .replaceAll(/\W+/g, "_")
      .replace(/^github_/i, "")
      .toUpperCase();
    const reading = language === "shell" ? `"$${variable}"` : `process.env.${variable}`;
    diagnostics.warning(path.at, {
      code: "script-injection",
      message: `'${written}' is chosen by whoever causes the event, and is pasted into the script as if it were part of it`,
      hint: `give it through the environment (env: {${variable}: \${{ ${written} }}}) and write ${reading} in the script`,
    });
  }
}

/** The text itself, or a value that has it inside. */
function isForeign(names: readonly string[]): boolean {
  if (names[0] !== "github") return false;
  return FOREIGN_TEXTS.some(
    (text) =>
      names.length <= text.length && names.every((name, at) => name === text[at] || name === "*" || text[at] === "*"),
  );
}
