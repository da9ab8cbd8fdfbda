import path from "node:path";
import type { Diagnostic } from "@windrow/model";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { findTop } from "../git/find-top.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { expandFolders, findDefaultFiles, WORKFLOW_FOLDERS } from "./find-lint-files.ts";
import { formatDiagnostic, lineOf } from "./format-diagnostic.ts";
import { type LintedFile, lintFiles } from "./lint-files.ts";
import { toSarif } from "./to-sarif.ts";

export interface LintOptions {
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly sarif?: boolean;
}

/** `windrow lint`: needs no farm. */
export async function lintCommand(
  context: CommandContext,
  options: LintOptions,
  ...given: readonly string[]
): Promise<ExitCode> {
  const { terminal, cwd } = context;
  if (options.json && options.sarif) throw usageError("--json and --sarif exclude each other");
  const files = given.length === 0 ? await findOwnFiles(cwd) : await expandFolders(given, cwd);
  if (files.length === 0) {
    throw usageError(
      given.length === 0
        ? `there is no workflow file in ${WORKFLOW_FOLDERS.join(" or ")}`
        : "there is no YAML file there",
      "Name the files, or write a first workflow with: windrow init",
    );
  }
  const count = { error: 0, warning: 0, files: files.length, wrong: 0 };
  const linted: Omit<LintedFile, "text">[] = [];
  await lintFiles(files, {
    cwd,
    isStrict: options.strict === true,
    async onFile({ file, text, diagnostics }) {
      for (const { severity } of diagnostics) count[severity]++;
      if (diagnostics.some((one) => one.severity === "error")) count.wrong++;
      if (options.json || options.sarif) linted.push({ file, diagnostics });
      else await printDiagnostics(context, diagnostics, text);
    },
  });
  if (options.json) await printJson(terminal, toJson(linted));
  else if (options.sarif) await printJson(terminal, toSarif(linted.flatMap((one) => one.diagnostics)));
  else say(terminal, summarize(count, terminal.errStyle("green", "✓"), terminal.errStyle("red", "✗")));
  return count.error > 0 ? EXIT.failed : EXIT.ok;
}

/** Those of the folder we are in, else of the repository around it; named from here. */
async function findOwnFiles(cwd: string): Promise<string[]> {
  const here = await findDefaultFiles(cwd);
  if (here.length > 0) return here;
  const top = await findTop(cwd);
  if (top === undefined) return [];
  return (await findDefaultFiles(top)).map((file) => path.relative(cwd, path.join(top, file)));
}

async function printDiagnostics(
  { terminal }: CommandContext,
  diagnostics: readonly Diagnostic[],
  text: string | undefined,
): Promise<void> {
  const lines = text?.split("\n") ?? [];
  for (const diagnostic of diagnostics) {
    const source = lineOf(lines, diagnostic.line);
    const shown = formatDiagnostic(diagnostic, { source, style: terminal.outStyle, columns: terminal.out.columns });
    await printLines(terminal, [...shown, ""]);
  }
}

function toJson(linted: readonly Omit<LintedFile, "text">[]): object {
  return {
    files: linted.map(({ file, diagnostics }) => ({
      file,
      ok: !diagnostics.some((one) => one.severity === "error"),
      diagnostics: diagnostics.map(({ severity, code, message, line, column, hint }) => ({
        severity,
        code,
        message,
        line,
        column,
        ...(hint !== undefined && { hint }),
      })),
    })),
  };
}

function summarize(
  count: { readonly error: number; readonly warning: number; readonly files: number; readonly wrong: number },
  good: string,
  bad: string,
): string {
  const say = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const found = `${say(count.error, "error")} and ${say(count.warning, "warning")} in ${say(count.files, "file")}`;
  if (count.error > 0) return `${bad} ${found}; ${say(count.wrong, "file")} would not run`;
  return `${good} ${count.warning > 0 ? found : `${say(count.files, "file")}, nothing to complain about`}`;
}
