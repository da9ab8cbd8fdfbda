import { stripVTControlCharacters } from "node:util";
import type { Annotation, Step } from "@windrow/contract";
import type { Style } from "../output/terminal.ts";
import { createTerminalFilter } from "../output/terminal-filter.ts";

const REMARKS_MAX = 10;
const SUMMARY_LINES_MAX = 20;
const COLOURS = { error: "red", warning: "yellow", notice: "cyan" } as const;

/** What a step remarked about places in the sources, and its summary: each a line below the step, bounded. */
export function renderRemarks(step: Step, style: Style): string[] {
  const shown = step.annotations.slice(0, REMARKS_MAX).map((one) => `    ${renderAnnotation(one, style)}`);
  const hidden = step.annotations.length - shown.length;
  if (hidden > 0) shown.push(`    ${style("dim", `and ${hidden} more (--json has all)`)}`);
  const summary = clean((step.summary ?? "").trimEnd()).split("\n");
  if (summary.length > SUMMARY_LINES_MAX) summary.splice(SUMMARY_LINES_MAX, summary.length, "…");
  return [...shown, ...(step.summary ? summary.map((line) => `    ${style("dim", "│")} ${line}`) : [])];
}

/** `src/a.c:7:3: warning: Unused: the variable 'x' is not used` */
function renderAnnotation({ level, file, line, column, title, message }: Annotation, style: Style): string {
  const place = [file, line, column].filter((part) => part !== null).join(":");
  const words = [title, message].filter((part) => part !== null && part !== "").join(": ");
  const where = place === "" ? "" : `${style("bold", `${clean(place)}:`)} `;
  return `${where}${style(COLOURS[level], `${level}:`)} ${clean(words).replace(/\s*\n\s*/g, " ")}`;
}

/** Jobs write these words. */
const clean = (text: string): string => stripVTControlCharacters(createTerminalFilter().push(text));
