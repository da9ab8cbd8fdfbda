import stringWidth from "string-width";
import { truncate } from "./truncate.ts";

export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** This column gives way when the terminal is too narrow; at most one column should. */
  readonly shrinks?: boolean;
  /** Where even that is not enough, the column with the lowest number is left out first; columns without one stay. */
  readonly dropOrder?: number;
}

const GAP = "  ";
const SHRUNK_WIDTH_MIN = 10;

/**
 * Aligned lines, the titles first. With `columnsMax` (a terminal's width) a row stays on one line: the column that shrinks
 * is cut, and when that is not enough, columns are left out. Without it nothing is cut.
 */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  options: { readonly columnsMax?: number; readonly styleTitle?: (title: string) => string } = {},
): string[] {
  const { columnsMax = Number.POSITIVE_INFINITY, styleTitle = (title) => title } = options;
  const shown = chooseShown(
    columns.map((column, index) => ({
      column,
      index,
      width: Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(row[index] ?? ""))),
    })),
    columnsMax,
  );
  const formatRow = (cells: readonly string[], style: (cell: string) => string) =>
    shown
      .map(({ column, index, width }) => {
        const cell = truncate(cells[index] ?? "", width);
        const padding = " ".repeat(Math.max(0, width - stringWidth(cell)));
        return column.align === "right" ? padding + style(cell) : style(cell) + padding;
      })
      .join(GAP)
      .trimEnd();
  const titles = columns.map((column) => column.title);
  return [formatRow(titles, styleTitle), ...rows.map((row) => formatRow(row, (cell) => cell))];
}

interface ShownColumn {
  readonly column: TableColumn;
  readonly index: number;
  readonly width: number;
}

function chooseShown(all: readonly ShownColumn[], columnsMax: number): readonly ShownColumn[] {
  const total = all.reduce((sum, { width }) => sum + width, 0) + GAP.length * (all.length - 1);
  if (total <= columnsMax) return all;
  const shrunk = all.map((shown) => {
    if (!shown.column.shrinks) return shown;
    return { ...shown, width: Math.min(shown.width, Math.max(SHRUNK_WIDTH_MIN, shown.width - (total - columnsMax))) };
  });
  const least = shrunk.reduce((sum, { width }) => sum + width, 0) + GAP.length * (all.length - 1);
  const droppable = all.filter(({ column }) => column.dropOrder !== undefined);
  if (least <= columnsMax || droppable.length === 0) return shrunk;
  const first = Math.min(...droppable.map(({ column }) => column.dropOrder ?? 0));
  return chooseShown(
    all.filter(({ column }) => column.dropOrder !== first),
    columnsMax,
  );
}
