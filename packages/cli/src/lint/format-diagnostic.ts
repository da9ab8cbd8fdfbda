import { stripVTControlCharacters } from "node:util";
import type { Diagnostic } from "@windrow/model";
import stringWidth from "string-width";
import type { Style } from "../output/terminal.ts";
import { createTerminalFilter } from "../output/terminal-filter.ts";
import { wrapText } from "../output/wrap-text.ts";

/** Shown of a source line at most; a longer one is cut around the place that is meant. */
const COLUMNS_DEFAULT = 120;
const CONTEXT_COLUMNS = 20;

/** The line of a text, from 1; without its line end. */
export function lineOf(lines: readonly string[], line: number): string | undefined {
  return lines[line - 1]?.replace(/\r$/, "");
}

/**
 * `file:line:column: error: message`, the line with a caret under the place, and the hint. What comes from the file is
 * made safe for a terminal first.
 */
export function formatDiagnostic(
  diagnostic: Diagnostic,
  options: { readonly source: string | undefined; readonly style: Style; readonly columns?: number | undefined },
): string[] {
  const { style } = options;
  const { severity, file, line, column } = diagnostic;
  const wrap = (text: string, indent: string) =>
    options.columns === undefined ? [text] : wrapText(text, { columns: options.columns - 2, indent });
  const said = `${style("bold", `${clean(file)}:${line}:${column}:`)} ${style(severity === "error" ? "red" : "yellow", `${severity}:`)} ${clean(diagnostic.message)}`;
  const head = wrap(said, "    ");
  const hinted = `${style("cyan", "hint:")} ${clean(diagnostic.hint ?? "")}`;
  const hint = diagnostic.hint === undefined ? [] : wrap(hinted, "      ").map((text) => `  ${text}`);
  if (options.source === undefined || options.source.trim() === "") return [...head, ...hint];
  const number = String(line);
  const room = Math.max(CONTEXT_COLUMNS, (options.columns ?? COLUMNS_DEFAULT) - number.length - 5);
  const { text, before } = cutAround(options.source, column, room);
  const margin = (label: string) => style("dim", `  ${label.padStart(number.length)} |`);
  const caret = `${[...clean(before)].map((one) => (one === "\t" ? "\t" : " ".repeat(stringWidth(one)))).join("")}^`;
  return [
    ...head,
    `${margin(number)} ${clean(text)}`,
    `${margin("")} ${style(severity === "error" ? "red" : "yellow", caret)}`,
    ...hint,
  ];
}

/** The part of the line that fits, and what of it stands before the column. */
function cutAround(source: string, column: number, room: number): { text: string; before: string } {
  const at = Math.min(Math.max(0, column - 1), source.length);
  if (source.length <= room) return { text: source, before: source.slice(0, at) };
  const from = at + CONTEXT_COLUMNS < room ? 0 : Math.max(0, Math.min(at - CONTEXT_COLUMNS, source.length - room + 1));
  const lead = from > 0 ? "…" : "";
  const end = from + room - lead.length;
  const tail = end < source.length ? "…" : "";
  const shown = source.slice(from, end - tail.length);
  return { text: lead + shown + tail, before: lead + source.slice(from, at) };
}

/** No control sequence of the file reaches the terminal. */
function clean(text: string): string {
  return stripVTControlCharacters(createTerminalFilter().push(text.replaceAll(/[\r\n]+/g, " ")));
}
