import type { InputDefinition, Value } from "@windrow/model";

/** What an input is when nobody gave it and it has no default, as documented. */
export function emptyInput({ type }: Pick<InputDefinition, "type">): Value {
  if (type === "boolean") return false;
  return type === "number" ? 0 : "";
}

/** A given value with the type of its input, or a sentence that says what it should be. */
export function coerceInput(
  definition: Pick<InputDefinition, "name" | "type" | "options">,
  given: Value,
): { readonly value: Value } | { readonly problem: string } {
  const { name, type, options = [] } = definition;
  const problem = (should: string) => ({ problem: `input '${name}' must be ${should}, not ${JSON.stringify(given)}` });
  if (given !== null && typeof given === "object") return problem(EXPECTED[type]);
  switch (type) {
    case "boolean": {
      const text = String(given).toLowerCase();
      return text === "true" || text === "false" ? { value: text === "true" } : problem(EXPECTED.boolean);
    }
    case "number": {
      const number = typeof given === "string" && given.trim() === "" ? Number.NaN : Number(given);
      return typeof given !== "boolean" && Number.isFinite(number) ? { value: number } : problem(EXPECTED.number);
    }
    case "choice": {
      const text = String(given);
      return options.includes(text) ? { value: text } : problem(`one of ${options.join(", ")}`);
    }
    case "string":
    case "environment":
      return { value: String(given) };
  }
}

const EXPECTED = {
  boolean: "true or false",
  number: "a number",
  choice: "one of its options",
  string: "a text",
  environment: "the name of an environment",
} as const;
