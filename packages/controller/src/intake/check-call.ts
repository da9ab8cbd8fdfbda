import type { CallDefinition, WorkflowDefinition } from "@windrow/model";

export interface CallProblem {
  readonly message: string;
  readonly hint?: string;
}

/** What a call asks of a workflow that does not offer it: being called at all, inputs, secrets. */
export function checkCall(call: CallDefinition, called: WorkflowDefinition): CallProblem[] {
  const trigger = called.triggers.find((one) => one.event === "workflow_call");
  if (trigger === undefined) {
    return [
      { message: `'${call.uses}' is not made to be called`, hint: "give it `on: workflow_call`, or call another one" },
    ];
  }
  const inputs = trigger.inputs ?? [];
  const secrets = trigger.secrets ?? [];
  const problems: CallProblem[] = [];
  const given = new Set(call.with.map(([name]) => name.toLowerCase()));
  const known = new Set(inputs.map((input) => input.name.toLowerCase()));
  for (const [name] of call.with) {
    if (known.has(name.toLowerCase())) continue;
    problems.push({ message: `'${call.uses}' has no input '${name}'`, hint: listNames("it has", inputs) });
  }
  for (const input of inputs) {
    if (!input.required || input.default !== undefined || given.has(input.name.toLowerCase())) continue;
    problems.push({ message: `'${call.uses}' requires the input '${input.name}'`, hint: "give it under 'with'" });
  }
  if (call.secrets === "inherit") return problems;
  const handed = new Set(call.secrets.map(([name]) => name.toLowerCase()));
  for (const [name] of call.secrets) {
    if (secrets.some((secret) => secret.name.toLowerCase() === name.toLowerCase())) continue;
    problems.push({ message: `'${call.uses}' has no secret '${name}'`, hint: listNames("it has", secrets) });
  }
  for (const secret of secrets) {
    if (!secret.required || handed.has(secret.name.toLowerCase())) continue;
    problems.push({ message: `'${call.uses}' requires the secret '${secret.name}'`, hint: "give it under 'secrets'" });
  }
  return problems;
}

function listNames(what: string, things: readonly { readonly name: string }[]): string {
  return things.length === 0 ? `${what} none` : `${what} ${things.map((thing) => thing.name).join(", ")}`;
}
