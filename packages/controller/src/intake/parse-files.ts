import type { Diagnostic, WorkflowDefinition } from "@windrow/model";
import type { ParseResult, ParseWorker } from "@windrow/workflow";
import { checkSettings } from "./check-settings.ts";
import { conventionalNote } from "./conventional-file.ts";
import { type CommitContent, WORKFLOW_FILE_BYTES_MAX, type WorkflowFile } from "./read-workflow-files.ts";

/** What one file starts for. */
export interface FileTriggers {
  readonly path: string;
  readonly triggers: WorkflowDefinition["triggers"];
}

/** A workflow file and what is in it. */
export interface ParsedFile {
  readonly file: WorkflowFile;
  readonly result: ParseResult;
}

/** Every workflow file of a commit, read. With settings that have mistakes none of them can run. */
export async function parseFiles(content: CommitContent, parser: ParseWorker): Promise<ParsedFile[]> {
  const complaints = await checkSettings(content.settings, parser);
  return Promise.all(
    content.files.map(async (file) => ({ file, result: withComplaints(await parse(file, parser), complaints) })),
  );
}

function withComplaints(result: ParseResult, complaints: readonly Diagnostic[]): ParseResult {
  const { definition, triggers = definition?.triggers } = result;
  const diagnostics = [...complaints, ...result.diagnostics];
  if (!complaints.some((one) => one.severity === "error")) return { ...result, diagnostics };
  return { diagnostics, ...(triggers !== undefined && { triggers }) };
}

/** What the files that could be read start for. */
export function listTriggers(parsed: readonly ParsedFile[]): FileTriggers[] {
  return parsed.flatMap(({ file, result }) =>
    result.definition === undefined ? [] : [{ path: file.path, triggers: result.definition.triggers }],
  );
}

async function parse(file: WorkflowFile, parser: ParseWorker): Promise<ParseResult> {
  if (file.text !== null) {
    const result = await parser.parse(file.path, file.text);
    if (file.language === undefined) return result;
    return { ...result, diagnostics: [conventionalNote(file.language), ...result.diagnostics] };
  }
  const kib = Math.ceil(file.sizeBytes / 1024);
  const diagnostic: Diagnostic = {
    severity: "error",
    code: "limit-file",
    message: `the file has ${kib} KiB; the limit is ${WORKFLOW_FILE_BYTES_MAX / 1024} KiB`,
    hint: "split it into several workflows, or move scripts into files of their own",
    file: file.path,
    line: 1,
    column: 1,
  };
  return { diagnostics: [diagnostic] };
}
