import stringWidth from "string-width";
import { truncate } from "./truncate.ts";

export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Gives way when the terminal is too narrow, of several such the widest first. */
  readonly shrinks?: boolean;
  /** Terminal columns that one that shrinks keeps as long as others can be left out; 10 unless given. */
  readonly widthMin?: number;
  /** Where even that is not enough, the column with the lowest number is left out first; columns without one stay. */
  readonly dropOrder?: number;
}

const GAP = "  ";
const SHRUNK_WIDTH_MIN = 10;

/**
 * Aligned lines, the titles first. With `columnsMax` (a terminal's width) a row stays on one line: columns that shrink
 * are cut, and when that is not enough, columns are left out. Without it nothing is cut.
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
  const shrunk = shrink(all, total - columnsMax, ({ widthMin = SHRUNK_WIDTH_MIN }) => widthMin);
  const least = shrunk.reduce((sum, { width }) => sum + width, 0) + GAP.length * (all.length - 1);
  const droppable = all.filter(({ column }) => column.dropOrder !== undefined);
  if (least <= columnsMax) return shrunk;
  if (droppable.length === 0) return shrink(shrunk, least - columnsMax, () => SHRUNK_WIDTH_MIN);
  const first = Math.min(...droppable.map(({ column }) => column.dropOrder ?? 0));
  return chooseShown(
    all.filter(({ column }) => column.dropOrder !== first),
    columnsMax,
  );
}

/** Takes `excess` from the columns that shrink, always from the widest, as far as they go. */
function shrink(
  all: readonly ShownColumn[],
  excess: number,
  minOf: (column: TableColumn) => number,
): readonly ShownColumn[] {
  const widths = all.map(({ width }) => width);
  const widthAt = (at: number) => widths[at] ?? 0;
  for (let left = excess; left > 0; left--) {
    const shrinkable = all.flatMap(({ column }, at) => (column.shrinks && widthAt(at) > minOf(column) ? [at] : []));
    if (shrinkable.length === 0) break;
    const widest = shrinkable.reduce((best, at) => (widthAt(at) > widthAt(best) ? at : best));
    widths[widest] = widthAt(widest) - 1;
  }
  return all.map((shown, at) => ({ ...shown, width: widthAt(at) }));
}
