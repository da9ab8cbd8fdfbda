import { isMapping } from "@actions/workflow-parser";
import type { ConcurrencyDefinition, Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { type Entry, entriesOf, readTemplateText } from "./tokens.ts";

/** `concurrency:` of a workflow or a job: the name of a group, or a map. */
export function readConcurrency({ at, value }: Entry, diagnostics: Diagnostics): ConcurrencyDefinition | undefined {
  if (!isMapping(value)) {
    const group = readTemplateText(value, at, diagnostics);
    return group === undefined ? undefined : { group, queue: "single" };
  }
  let group: Template | undefined;
  let cancelInProgress: Template | undefined;
  let queue: Template | undefined;
  for (const entry of entriesOf(value)) {
    const text = readTemplateText(entry.value, entry.at, diagnostics);
    if (entry.key === "group") group = text;
    else if (entry.key === "cancel-in-progress") cancelInProgress = text;
    else if (entry.key === "queue") {
      queue = text;
      if (text?.includes("${{") === true) {
        diagnostics.error(entry.at, {
          code: "unexpected-value",
          message: "'queue' cannot be an expression",
          hint: "write single or max",
        });
      }
    }
  }
  if (queue === "max" && cancelInProgress === "true") {
    diagnostics.error(at, {
      code: "unexpected-value",
      message: "'queue: max' and 'cancel-in-progress: true' cannot both be given",
      hint: "in a queue everything has its turn; remove one of them",
    });
  }
  if (group === undefined) return undefined;
  return {
    group,
    ...(cancelInProgress !== undefined && { cancelInProgress }),
    queue: queue === "max" ? "max" : "single",
  };
}
