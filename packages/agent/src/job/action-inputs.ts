import type { ActionDefinition, TemplateMap } from "@windrow/model";

export interface ActionInputs {
  /** By name as the action spells it; what the action does not know stands behind. */
  readonly values: ReadonlyMap<string, string>;
  /** Sentences for the step's remarks. */
  readonly warnings: readonly string[];
}

/**
 * The inputs of an action: what the step gives, else the action's defaults, else nothing. Names have no case. Throws
 * `ExpressionFailure`.
 */
export function evaluateInputs(options: {
  readonly definition: Pick<ActionDefinition, "name" | "inputs">;
  readonly given: TemplateMap;
  readonly evaluate: (template: string) => string;
  /** In the contexts that an action's own file may use. */
  readonly evaluateDefault: (template: string) => string;
}): ActionInputs {
  const { definition, evaluate, evaluateDefault } = options;
  const warnings: string[] = [];
  const given = new Map(options.given.map(([name, template]) => [name.toLowerCase(), { name, template }]));
  const values = new Map<string, string>();
  for (const input of definition.inputs) {
    const own = given.get(input.name.toLowerCase());
    given.delete(input.name.toLowerCase());
    if (own !== undefined && input.deprecation !== undefined) {
      warnings.push(`Input '${input.name}' has been deprecated with message: ${input.deprecation}`);
    }
    const value = own === undefined ? input.default && evaluateDefault(input.default) : evaluate(own.template);
    values.set(input.name, value ?? "");
  }
  for (const { name, template } of given.values()) values.set(name, evaluate(template));
  if (given.size > 0 && definition.inputs.length > 0) {
    const names = [...given.values()].map(({ name }) => `'${name}'`).join(", ");
    const valid = definition.inputs.map((input) => `'${input.name}'`).join(", ");
    warnings.push(`Unexpected input(s) ${names}, valid inputs are [${valid}]`);
  }
  return { values, warnings };
}

/** INPUT_… as actions read them: upper case, spaces become `_`, nothing else changes. */
export function inputVariables(values: ReadonlyMap<string, string>): { readonly [name: string]: string } {
  const variables: { [name: string]: string } = {};
  for (const [name, value] of values) variables[`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`] = value;
  return variables;
}

/** STATE_… of what an earlier part of the action kept. */
export function stateVariables(state: { readonly [name: string]: string }): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
}
