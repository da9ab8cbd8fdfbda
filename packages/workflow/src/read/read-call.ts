import { isMapping, isString } from "@actions/workflow-parser";
import type { CallDefinition, ValueTemplate } from "@windrow/model";
import { checkWorkflowUses } from "../check/check-uses.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { isOpen, readStaticValue, readValueTemplate } from "./read-value.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, positionOf, readTemplateMap, readTemplateText } from "./tokens.ts";

/** `uses`, `with` and `secrets` of a job that is another workflow. */
export function readCall(
  { uses, inputs, secrets }: { uses: Entry; inputs: Entry | undefined; secrets: Entry | undefined },
  diagnostics: Diagnostics,
): CallDefinition {
  const text = readTemplateText(uses.value, uses.at, diagnostics) ?? "";
  checkWorkflowUses(text, positionOf(uses.value, uses.at), diagnostics);
  return {
    uses: text,
    position: positionOf(uses.value, uses.at),
    with: inputs === undefined ? [] : readInputs(inputs, diagnostics),
    secrets: secrets === undefined ? [] : readSecrets(secrets, diagnostics),
  };
}

function readInputs({ at, value }: Entry, diagnostics: Diagnostics): CallDefinition["with"] {
  if (!isMapping(value) && value.isExpression) {
    refuse(diagnostics, positionOf(value, at), "an expression in place of the map 'with'");
  }
  const inputs: [string, ValueTemplate][] = [];
  for (const entry of entriesOf(value)) {
    if (entry.isComputed) refuse(diagnostics, entry.at, "an expression as a key of 'with'", "write the name out");
    // What is known keeps its type; texts are templates also here.
    const given = isOpen(entry.value) || isString(entry.value) ? readValueTemplate : readStaticValue;
    const template = given(entry.value, entry.at, diagnostics);
    if (template !== undefined) inputs.push([entry.key, template]);
  }
  return inputs;
}

function readSecrets({ value }: Entry, diagnostics: Diagnostics): CallDefinition["secrets"] {
  return isString(value) && value.value === "inherit" ? "inherit" : readTemplateMap(value, "secrets", diagnostics);
}
