import stringWidth from "string-width";
import { truncate } from "./truncate.ts";

export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** This column gives way when the terminal is too narrow; at most one column should. */
  readonly shrinks?: boolean;
}

const GAP = "  ";
const SHRUNK_WIDTH_MIN = 10;

/**
 * Aligned lines, the titles first. With `columnsMax` (a terminal's width) the column that shrinks is cut so that a row
 * stays on one line; without it nothing is cut.
 */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  options: { readonly columnsMax?: number; readonly styleTitle?: (title: string) => string } = {},
): string[] {
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(row[index] ?? ""))),
  );
  const shrinking = columns.findIndex((column) => column.shrinks);
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1);
  if (options.columnsMax !== undefined && shrinking >= 0 && total > options.columnsMax) {
    const wanted = (widths[shrinking] ?? 0) - (total - options.columnsMax);
    widths[shrinking] = Math.max(SHRUNK_WIDTH_MIN, wanted);
  }
  const formatRow = (cells: readonly string[], style: (cell: string) => string) =>
    columns
      .map((column, index) => {
        const width = widths[index] ?? 0;
        const cell = truncate(cells[index] ?? "", width);
        const padding = " ".repeat(Math.max(0, width - stringWidth(cell)));
        return column.align === "right" ? padding + style(cell) : style(cell) + padding;
      })
      .join(GAP)
      .trimEnd();
  const styleTitle = options.styleTitle ?? ((title) => title);
  return [
    formatRow(
      columns.map((column) => column.title),
      styleTitle,
    ),
    ...rows.map((row) => formatRow(row, (cell) => cell)),
  ];
}
