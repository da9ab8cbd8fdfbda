import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

const REPOSITORY = /^[^/@\s]+\/[^/@\s]+(?:\/[^@\s]+)?@\S+$/;
const REMOTE_WORKFLOW = /^[^/@\s]+\/[^/@\s]+\/[^@\s]+\.ya?ml@\S+$/;
const WORKFLOW_FOLDER = /\/workflows\/[^/@]+\.ya?ml(?:@|$)/;
const LOCAL_WORKFLOW = /^[.$]\/[^@\s]+\.ya?ml$/;

/** A step's `uses`: `owner/name[/path]@ref`, `./path`, `$/path` or `docker://image`. */
export function checkActionUses(uses: string, at: Position, diagnostics: Diagnostics): void {
  if (WORKFLOW_FOLDER.test(uses)) {
    // The folder might hold an action all the same, so the step is left to fail by itself.
    diagnostics.warning(at, {
      code: "invalid-uses",
      message: `'${shorten(uses)}' is a workflow, not an action`,
      hint: "a job calls a workflow: jobs.<id>.uses",
    });
  }
  if (/^\$\/.*@/.test(uses)) {
    const message = `'${shorten(uses)}' names a version, and $/ is always this commit`;
    complain(at, message, "remove the '@' and what follows", diagnostics);
    return;
  }
  if (/^[.$](?:\/|$)/.test(uses) || /^docker:\/\/\S+$/.test(uses) || REPOSITORY.test(uses)) return;
  const hint = /^[^/@\s]+\/[^@\s]+$/.test(uses)
    ? `add a version: ${shorten(uses)}@<tag, branch or commit>`
    : "write owner/name@ref, owner/name/path@ref, ./path or docker://image";
  complain(at, `'${shorten(uses)}' names no action`, hint, diagnostics);
}

/** A job's `uses`: `./path/to/workflow.yml` or `owner/name/path/to/workflow.yml@ref`. */
export function checkWorkflowUses(uses: string, at: Position, diagnostics: Diagnostics): void {
  if (LOCAL_WORKFLOW.test(uses) || REMOTE_WORKFLOW.test(uses)) return;
  const hint = REPOSITORY.test(uses)
    ? "an action is used by a step: put it into 'steps'"
    : "write ./.github/workflows/file.yml or owner/name/.github/workflows/file.yml@ref";
  complain(at, `'${shorten(uses)}' names no workflow`, hint, diagnostics);
}

function complain(at: Position, message: string, hint: string, diagnostics: Diagnostics): void {
  diagnostics.error(at, { code: "invalid-uses", message, hint });
}

function shorten(uses: string): string {
  return uses.length > 200 ? `${uses.slice(0, 200)}…` : uses;
}
