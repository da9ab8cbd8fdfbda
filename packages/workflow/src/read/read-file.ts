import { FeatureFlags } from "@actions/expressions";
import { isMapping, NoOperationTraceWriter } from "@actions/workflow-parser";
import type { TemplateSchema } from "@actions/workflow-parser/templates/schema/template-schema";
import { TemplateContext, TemplateValidationErrors } from "@actions/workflow-parser/templates/template-context";
import { readTemplate } from "@actions/workflow-parser/templates/template-reader";
import type { MappingToken } from "@actions/workflow-parser/templates/tokens/index";
import { WORKFLOW_ROOT } from "@actions/workflow-parser/workflows/workflow-constants";
import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { correctedWorkflowSchema, WorkflowReader } from "../library-corrections.ts";
import { DEPTH_MAX, FILE_BYTES_MAX } from "../limits.ts";
import { explainSchemaError, type FileForm } from "./explain-schema-error.ts";
import { findOpenBracket } from "./find-open-bracket.ts";

const START: Position = { line: 1, column: 1 };
const FILE_ID = 1;

/** The token tree of a file, and how to find the place of an expression inside a scalar over several lines. */
export interface ReadFile {
  readonly root: MappingToken;
  readonly locate: (position: Position) => Position;
}

/** What a file of one kind must be: the schema, the name of its root there, and words for people. */
export interface FileSchema extends FileForm {
  readonly schema: () => TemplateSchema;
  readonly root: string;
}

export const WORKFLOW_FILE: FileSchema = {
  name: "workflow",
  shape: "a workflow has the keys `on` and `jobs`",
  schema: correctedWorkflowSchema,
  root: WORKFLOW_ROOT,
};

/**
 * YAML and schema: the token tree of a file, or nothing when there is no tree to look at. Every complaint of
 * the library is put into our words with its place in the file.
 */
export function readFile(
  { path, text, kind }: { path: string; text: string; kind: FileSchema },
  diagnostics: Diagnostics,
): ReadFile | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > FILE_BYTES_MAX) {
    diagnostics.error(START, {
      code: "limit-file",
      message: `the file has ${bytes} bytes; the limit is ${FILE_BYTES_MAX} (512 KiB)`,
      hint: "move long scripts into files of the repository, or split the file",
    });
    return undefined;
  }
  const reader = openReader(text, diagnostics);
  if (reader === undefined) return undefined;
  if (reader.errors.length > 0) {
    const open = findOpenBracket(text);
    if (open !== undefined) {
      const bracket = open.closing === "]" ? "[" : "{";
      diagnostics.error(open.position, {
        code: "yaml",
        message: `broken YAML: the '${bracket}' here is never closed`,
        hint: `add '${open.closing}' where it ends`,
      });
      return undefined;
    }
    for (const { message, range } of reader.errors) {
      diagnostics.error(range?.start ?? START, {
        code: "yaml",
        message: explainYaml(message),
        hint: "the file is not valid YAML; often the indentation or a quote of this or the line above",
      });
    }
    return undefined;
  }
  for (const { tag, position } of reader.unknownTags) {
    diagnostics.error(position, {
      code: "yaml",
      message: `a value cannot begin with '!': YAML reads '${tag}' as the name of a type, and not as a text`,
      hint: `put the whole value in quotes: "${tag}"`,
    });
  }
  return readTree({ path, reader, kind }, diagnostics);
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

function readTree(
  { path, reader, kind }: { path: string; reader: WorkflowReader; kind: FileSchema },
  diagnostics: Diagnostics,
): ReadFile | undefined {
  const context = new TemplateContext(new TemplateValidationErrors(), kind.schema(), new NoOperationTraceWriter());
  context.getFileId(path);
  context.state.featureFlags = new FeatureFlags({ all: true });
  const root = readTemplate(context, kind.root, reader, FILE_ID);
  if (reader.limit !== undefined) {
    const { code, message, position } = reader.limit;
    diagnostics.error(position, { code, message });
    return undefined;
  }
  for (const error of context.errors.getErrors()) {
    const position = reader.locate(error.range?.start ?? START);
    const isKey = reader.isKeyAt(error.range?.start ?? START);
    diagnostics.error(position, explainSchemaError(error, { isKey, what: kind }));
  }
  if (root === undefined) return undefined;
  if (isMapping(root)) return { root, locate: (position) => reader.locate(position) };
  if (!diagnostics.hasErrors) {
    diagnostics.error(START, { code: "wrong-shape", message: `this is no ${kind.name}: ${kind.shape}` });
  }
  return undefined;
}

function explainYaml(message: string): string {
  const [first = message] = message.split("\n");
  const sentence = first.replace(/ at line \d+, column \d+:?$/, "");
  return `broken YAML: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}
