import { isMapping } from "@actions/workflow-parser";
import type { JobDefinition, Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { ignore } from "./refuse.ts";
import { type Entry, entriesOf, readTemplateText } from "./tokens.ts";

/** `environment:` of a job: a name, or a map with `name` and `url`. */
export function readEnvironment({ at, value }: Entry, diagnostics: Diagnostics): JobDefinition["environment"] {
  if (!isMapping(value)) {
    const name = readTemplateText(value, at, diagnostics);
    return name === undefined || name === "" ? undefined : { name };
  }
  let name: Template | undefined;
  let url: Template | undefined;
  for (const entry of entriesOf(value)) {
    if (entry.key === "name") name = readTemplateText(entry.value, entry.at, diagnostics);
    else if (entry.key === "url") url = readTemplateText(entry.value, entry.at, diagnostics);
    else if (entry.key === "deployment") {
      ignore(diagnostics, entry.at, "'deployment' of an environment", "the deployment is recorded in any case");
    }
  }
  return name === undefined ? undefined : { name, ...(url !== undefined && { url }) };
}
