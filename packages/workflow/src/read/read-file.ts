import { FeatureFlags } from "@actions/expressions";
import { isMapping, NoOperationTraceWriter } from "@actions/workflow-parser";
import { TemplateContext, TemplateValidationErrors } from "@actions/workflow-parser/templates/template-context";
import { readTemplate } from "@actions/workflow-parser/templates/template-reader";
import type { TemplateValidationError } from "@actions/workflow-parser/templates/template-validation-error";
import type { MappingToken } from "@actions/workflow-parser/templates/tokens/index";
import { WORKFLOW_ROOT } from "@actions/workflow-parser/workflows/workflow-constants";
import type { Position } from "@windrow/model";
import type { Complaint, Diagnostics } from "../diagnostics.ts";
import { correctedWorkflowSchema, WorkflowReader } from "../library-corrections.ts";
import { DEPTH_MAX, FILE_BYTES_MAX } from "../limits.ts";
import { suggestKey } from "./suggest-key.ts";

const START: Position = { line: 1, column: 1 };
const FILE_ID = 1;

/** The token tree of a file, and how to find the place of an expression inside a scalar over several lines. */
export interface ReadFile {
  readonly root: MappingToken;
  readonly locate: (position: Position) => Position;
}

/**
 * YAML and schema: the token tree of a workflow file, or nothing when there is no tree to look at. Every complaint of
 * the library is put into our words with its place in the file.
 */
export function readFile(
  { path, text }: { path: string; text: string },
  diagnostics: Diagnostics,
): ReadFile | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > FILE_BYTES_MAX) {
    diagnostics.error(START, {
      code: "limit-file",
      message: `the file has ${bytes} bytes; the limit is ${FILE_BYTES_MAX} (512 KiB)`,
      hint: "move long scripts into files of the repository and split the workflow",
    });
    return undefined;
  }
  const reader = openReader(text, diagnostics);
  if (reader === undefined) return undefined;
  if (reader.errors.length > 0) {
    for (const { message, range } of reader.errors) {
      diagnostics.error(range?.start ?? START, {
        code: "yaml",
        message: explainYaml(message),
        hint: "the file is not valid YAML; often the indentation or a quote of this or the line above",
      });
    }
    return undefined;
  }
  return readTree(path, reader, diagnostics);
}

function openReader(text: string, diagnostics: Diagnostics): WorkflowReader | undefined {
  try {
    const reader = new WorkflowReader(FILE_ID, text);
    const overflow = reader.errors.find((error) => /call stack/i.test(error.message));
    if (overflow === undefined) return reader;
    complainDepth(overflow.range?.start ?? START, diagnostics);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    complainDepth(START, diagnostics);
  }
  return undefined;
}

/** The YAML library recurses; text that is all brackets ends its stack. */
function complainDepth(at: Position, diagnostics: Diagnostics): void {
  diagnostics.error(at, { code: "limit-depth", message: `maps and lists are nested more than ${DEPTH_MAX} deep` });
}

function readTree(path: string, reader: WorkflowReader, diagnostics: Diagnostics): ReadFile | undefined {
  const context = new TemplateContext(
    new TemplateValidationErrors(),
    correctedWorkflowSchema(),
    new NoOperationTraceWriter(),
  );
  context.getFileId(path);
  context.state.featureFlags = new FeatureFlags({ all: true });
  const root = readTemplate(context, WORKFLOW_ROOT, reader, FILE_ID);
  if (reader.limit !== undefined) {
    const { code, message, position } = reader.limit;
    diagnostics.error(position, { code, message });
    return undefined;
  }
  for (const error of context.errors.getErrors()) {
    const position = reader.locate(error.range?.start ?? START);
    diagnostics.error(position, explain(error, reader.isKeyAt(error.range?.start ?? START)));
  }
  if (root === undefined) return undefined;
  if (isMapping(root)) return { root, locate: (position) => reader.locate(position) };
  if (!diagnostics.hasErrors) {
    diagnostics.error(START, { code: "wrong-shape", message: "a workflow file is a map with `on` and `jobs`" });
  }
  return undefined;
}

function explainYaml(message: string): string {
  const [first = message] = message.split("\n");
  const sentence = first.replace(/ at line \d+, column \d+:?$/, "");
  return `broken YAML: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function explain({ rawMessage, range }: TemplateValidationError, isKey: boolean): Complaint {
  const unexpected = /^Unexpected value '([\s\S]*)'$/.exec(rawMessage)?.[1];
  if (unexpected !== undefined && isKey) {
    if (unexpected === "<<") {
      return {
        code: "unknown-key",
        message: "the merge key '<<' is not part of the language",
        hint: "use an alias for a whole value, or write the keys out",
      };
    }
    const suggestion = suggestKey(unexpected);
    return {
      code: "unknown-key",
      message: `unknown key '${unexpected}'`,
      hint:
        suggestion === undefined
          ? "the language has no such key in this place; check spelling and indentation"
          : `did you mean '${suggestion}'?`,
    };
  }
  if (unexpected !== undefined) {
    return {
      code: "unexpected-value",
      message: unexpected === "" ? "a value is missing" : `unexpected value '${unexpected}'`,
      hint: "the language allows other values or another type here",
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
      ? { code: "empty-file", message: "the file holds no workflow", hint: "a workflow has the keys `on` and `jobs`" }
      : { code: "wrong-shape", message: "a value was expected here" };
  }
  return explainExpression(rawMessage);
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
