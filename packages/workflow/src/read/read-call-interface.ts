import type { Trigger } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { type Entry, entriesOf, readTemplateText } from "./tokens.ts";

/** `outputs:` of `workflow_call`. */
export function readCallOutputs({ value }: Entry, diagnostics: Diagnostics): NonNullable<Trigger["outputs"]> {
  const outputs: [string, string][] = [];
  for (const output of entriesOf(value)) {
    for (const entry of entriesOf(output.value)) {
      if (entry.key !== "value") continue;
      const template = readTemplateText(entry.value, entry.at, diagnostics);
      if (template !== undefined) outputs.push([output.key, template]);
    }
  }
  return outputs;
}

/** `secrets:` of `workflow_call`. */
export function readCallSecrets({ value }: Entry): NonNullable<Trigger["secrets"]> {
  return entriesOf(value).map((secret) => {
    const given = new Map(entriesOf(secret.value).map((entry) => [entry.key, entry.value.toString()]));
    const description = given.get("description");
    return {
      name: secret.key,
      required: given.get("required") === "true",
      ...(description !== undefined && { description }),
    };
  });
}
