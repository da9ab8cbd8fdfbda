import type { CallDefinition, CalledWorkflow, InputDefinition, Value } from "@windrow/model";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { coerceInput, emptyInput } from "./coerce-input.ts";
import { evaluateValueTemplate } from "./evaluate-value-template.ts";

/**
 * The inputs of a called workflow: what the call gives, evaluated where the call stands, with the types and defaults of
 * the called file. Throws `ExpressionFailure` for an unknown or missing input and for one of another type.
 */
export function readCallInputs(
  call: CallDefinition,
  called: CalledWorkflow,
  contexts: ExpressionContexts,
): { readonly [name: string]: Value } {
  const definitions = listCallInputs(called);
  const given = new Map<string, Value>();
  for (const [name, template] of call.with) {
    if (!definitions.some((one) => one.name.toLowerCase() === name.toLowerCase())) {
      throw new ExpressionFailure(call.uses, `'${call.uses}' has no input '${name}'`);
    }
    given.set(name.toLowerCase(), evaluateValueTemplate(template, contexts));
  }
  const inputs: { [name: string]: Value } = {};
  // a default sees what the called file sees: the event, variables, and the inputs before it
  const calleeContexts: ExpressionContexts = { github: contexts.github, vars: contexts.vars, inputs };
  for (const definition of definitions) {
    const value =
      given.get(definition.name.toLowerCase()) ??
      (definition.default === undefined ? null : evaluateValueTemplate(definition.default, calleeContexts));
    if (value === null && definition.required) {
      throw new ExpressionFailure(call.uses, `'${call.uses}' requires the input '${definition.name}'`);
    }
    inputs[definition.name] = value === null ? emptyInput(definition) : readTyped(definition, value, call.uses);
  }
  return inputs;
}

/** As documented, a value of another type is refused, not converted; only a text takes everything. */
function readTyped(definition: InputDefinition, value: Value, uses: string): Value {
  const isTyped =
    definition.type !== "boolean" && definition.type !== "number" ? true : typeof value === definition.type;
  const read = isTyped
    ? coerceInput(definition, value)
    : { problem: `input '${definition.name}' of '${uses}' must be a ${definition.type}, not ${JSON.stringify(value)}` };
  if ("problem" in read) throw new ExpressionFailure(uses, read.problem);
  return read.value;
}

/** The inputs a called workflow declares. */
export function listCallInputs(called: CalledWorkflow): readonly InputDefinition[] {
  return called.definition.triggers.find((trigger) => trigger.event === "workflow_call")?.inputs ?? [];
}
