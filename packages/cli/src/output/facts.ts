import type { Style } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

/** A name and what is so; null is not shown. */
export type Fact = readonly [name: string, value: string | null];

const FACT_COLUMNS_MIN = 40;

/**
 * `  name  value` lines with the values below each other, the names padded to `nameColumns`. On a terminal of `columns` a
 * long value goes on below itself, broken between words; without `columns` each stays on one line.
 */
export function formatFacts(
  facts: readonly Fact[],
  options: { readonly nameColumns: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { nameColumns, style, columns } = options;
  const indent = " ".repeat(nameColumns + 4);
  return facts.flatMap(([name, value]) => {
    if (value === null) return [];
    const pieces =
      columns === undefined || columns < FACT_COLUMNS_MIN
        ? [value]
        : wrapText(value, { columns: columns - indent.length, indent: "" });
    return pieces.map((piece, at) => (at === 0 ? `  ${style("dim", name.padEnd(nameColumns))}  ` : indent) + piece);
  });
}
