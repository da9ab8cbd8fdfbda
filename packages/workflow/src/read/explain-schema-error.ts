import type { TemplateValidationError } from "@actions/workflow-parser/templates/template-validation-error";
import type { Complaint } from "../diagnostics.ts";
import { suggestKey } from "./suggest-key.ts";

/** What a kind of file is called and what it must be. */
export interface FileForm {
  readonly name: string;
  readonly shape: string;
}

/** A complaint of the schema's reader in our words; `isKey` when it stands at a key, `what` names the kind of file. */
export function explainSchemaError(
  { rawMessage, range }: TemplateValidationError,
  { isKey, what }: { isKey: boolean; what: FileForm },
): Complaint {
  const unexpected = /^Unexpected value '([\s\S]*)'$/.exec(rawMessage)?.[1];
  if (unexpected !== undefined && isKey) {
    if (unexpected === "<<") {
      return {
        code: "unknown-key",
        message: "the merge key '<<' is not part of the language",
        hint: "use an alias for a whole value, or write the keys out",
      };
    }
    return { code: "unknown-key", message: `unknown key '${unexpected}'`, hint: explainKey(unexpected) };
  }
  if (unexpected !== undefined) {
    return {
      code: "unexpected-value",
      message: unexpected === "" ? "a value is missing" : `unexpected value '${unexpected}'`,
      hint: explainValue(unexpected),
    };
  }
  const missing = /^Required property is missing: (.+)$/.exec(rawMessage)?.[1];
  if (missing !== undefined) {
    return { code: "missing-key", message: `the key '${missing}' is missing`, hint: `add '${missing}'` };
  }
  const duplicate = /^'([\s\S]*)' is already defined$/.exec(rawMessage)?.[1];
  if (duplicate !== undefined) {
    return { code: "duplicate-key", message: `the key '${duplicate}' stands here twice`, hint: "remove one of them" };
  }
  if (rawMessage.startsWith("There's not enough info")) {
    return {
      code: "ambiguous",
      message: "it cannot be told what is meant here",
      hint: `add one of these keys: ${rawMessage.slice(rawMessage.indexOf(":") + 2)}`,
    };
  }
  if (/^A (sequence|mapping) was not expected$/.test(rawMessage)) {
    const shape = rawMessage.includes("sequence") ? "list" : "map";
    return { code: "wrong-shape", message: `a ${shape} was not expected here` };
  }
  if (rawMessage === "A template expression is not allowed in this context") {
    return { code: "expression", message: "an expression is not allowed here", hint: "write the value itself" };
  }
  if (rawMessage.startsWith("Expected a scalar value") || rawMessage.startsWith("Expected end of reader")) {
    return range === undefined
      ? { code: "empty-file", message: `the file holds no ${what.name}`, hint: `${what.shape}` }
      : { code: "wrong-shape", message: "a value was expected here" };
  }
  return explainExpression(rawMessage);
}

/** Keys that exist, but not beside those that are there. */
const MISPLACED: Readonly<Record<string, string>> = {
  uses: "'uses' stands neither beside 'run' in a step nor beside 'steps' or 'runs-on' in a job",
  run: "'run' stands in a step, and not beside 'uses'",
  with: "'with' stands beside 'uses'; a 'run' step takes 'env'",
  shell: "'shell' stands beside 'run'",
  "working-directory": "'working-directory' stands beside 'run'",
};

function explainKey(unexpected: string): string {
  const misplaced = Object.hasOwn(MISPLACED, unexpected) ? MISPLACED[unexpected] : undefined;
  if (misplaced !== undefined) return misplaced;
  const suggestion = suggestKey(unexpected);
  return suggestion === undefined
    ? "the language has no such key in this place; check spelling and indentation"
    : `did you mean '${suggestion}'?`;
}

function explainValue(unexpected: string): string {
  if (unexpected === "") return "write a value, or remove the key";
  const suggestion = suggestKey(unexpected);
  // Values can be anything, so only what begins alike is taken for a slip.
  return suggestion === undefined || suggestion[0] !== unexpected[0]
    ? "other values or another type are allowed here"
    : `did you mean '${suggestion}'? Other values or another type are allowed here`;
}

function explainExpression(rawMessage: string): Complaint {
  const [first = rawMessage] = rawMessage.split(". Located at position");
  const named = /^Unrecognized named-value: '(.+)'$/.exec(first)?.[1];
  if (named !== undefined) {
    return {
      code: "expression",
      message: `the context '${named}' does not exist or is not available here`,
      hint: "compare the table of contexts and where they are available; texts stand in single quotes",
    };
  }
  const called = /^Unrecognized function: '(.+)'$/.exec(first)?.[1];
  if (called !== undefined) {
    return {
      code: "expression",
      message: `the function '${called}' does not exist or is not available here`,
      hint: "check its spelling; status functions and hashFiles are not available everywhere",
    };
  }
  const message = first === "ErrorExceededMaxLength" ? "the expression is longer than 21000 characters" : first;
  return {
    code: "expression",
    message: `error in an expression: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
    hint: `correct the expression between \${{ and }}`,
  };
}
