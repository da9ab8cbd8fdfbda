import type { InputDefinition, Value } from "@windrow/model";
import { DISPATCH_INPUTS_CHARS_MAX, INPUTS_MAX } from "../limits.ts";
import { coerceInput, emptyInput } from "./coerce-input.ts";

export type DispatchInputs =
  | {
      /** Typed, as the `inputs` context has them. */
      readonly inputs: { readonly [name: string]: Value };
      /** All as texts, as `github.event.inputs` has them. */
      readonly eventInputs: { readonly [name: string]: string };
    }
  | { readonly problems: readonly string[] };

/**
 * The inputs of a run started by hand, from what was given (texts, or values of their type) and what the file declares.
 * Every problem is a sentence; names are compared without case.
 */
export function readDispatchInputs(
  definitions: readonly InputDefinition[],
  given: { readonly [name: string]: unknown },
): DispatchInputs {
  const problems: string[] = [];
  const byName = new Map<string, unknown>();
  for (const [name, value] of Object.entries(given)) {
    if (definitions.some((one) => one.name.toLowerCase() === name.toLowerCase())) byName.set(name.toLowerCase(), value);
    else problems.push(`there is no input '${name}' (${listNames(definitions)})`);
  }
  if (definitions.length > INPUTS_MAX) problems.push(`the workflow has more than ${INPUTS_MAX} inputs`);
  const inputs: [string, Value][] = [];
  for (const definition of definitions) {
    const read = readOne(definition, byName.get(definition.name.toLowerCase()));
    if ("problem" in read) problems.push(read.problem);
    else inputs.push([definition.name, read.value]);
  }
  const eventInputs = inputs.map(([name, value]): [string, string] => [name, String(value ?? "")]);
  if (eventInputs.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > DISPATCH_INPUTS_CHARS_MAX) {
    problems.push(`the inputs have more than ${DISPATCH_INPUTS_CHARS_MAX} characters`);
  }
  if (problems.length > 0) return { problems };
  return { inputs: Object.fromEntries(inputs), eventInputs: Object.fromEntries(eventInputs) };
}

function readOne(definition: InputDefinition, given: unknown) {
  if (isGiven(given)) {
    if (typeof given === "object")
      return { problem: `input '${definition.name}' must be a text, a number or a boolean` };
    return coerceInput(definition, given);
  }
  if (isGiven(definition.default)) return coerceInput(definition, definition.default);
  if (definition.required) return { problem: `input '${definition.name}' is required` };
  return { value: emptyInput(definition) };
}

/** An empty text for a required input counts as nothing. */
function isGiven(value: unknown): value is string | number | boolean | object {
  return value !== undefined && value !== null && value !== "";
}

function listNames(definitions: readonly InputDefinition[]): string {
  return definitions.length === 0
    ? "the workflow has none"
    : `there are ${definitions.map((one) => one.name).join(", ")}`;
}
