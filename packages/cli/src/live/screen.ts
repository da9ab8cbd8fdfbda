import stringWidth from "string-width";
import type { OutputStream } from "../output/terminal.ts";

const ESCAPE = "\u001b[";
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

/** A region at the bottom of the terminal that is drawn again and again in place. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void;
  /** Removes the region; what is written next stands where it was. */
  clear(): void;
}

export function createScreen(stream: OutputStream): Screen {
  let drawn: readonly string[] = [];
  const columns = () => Math.max(20, stream.columns ?? COLUMNS_DEFAULT);
  /** After the window became narrower, an old line takes several rows. */
  const rowsOf = (lines: readonly string[]) =>
    lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(stringWidth(line) / columns())), 0);
  const back = () => {
    const rows = rowsOf(drawn);
    return rows === 0 ? "" : `${ESCAPE}${rows}A\r`;
  };
  return {
    get columns() {
      return columns();
    },
    get rows() {
      return Math.max(6, stream.rows ?? ROWS_DEFAULT);
    },
    draw(lines) {
      const text = lines.map((line) => `${line}${ESCAPE}K\n`).join("");
      // one write, so that nobody sees a half-drawn picture
      stream.write(`${back()}${text}${ESCAPE}J`);
      drawn = lines;
    },
    clear() {
      stream.write(`${back()}${ESCAPE}J`);
      drawn = [];
    },
  };
}
