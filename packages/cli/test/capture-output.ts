import type { OutputStream } from "../src/output/terminal.ts";

/** A stream that remembers what was written to it. */
export interface CapturedStream extends OutputStream {
  readonly text: () => string;
  readonly bytes: () => Buffer;
}

export function captureStream(terminal: { columns: number; rows: number } | undefined = undefined): CapturedStream {
  const chunks: Buffer[] = [];
  return {
    write(chunk) {
      chunks.push(Buffer.from(chunk));
      return true;
    },
    once: () => undefined,
    isTTY: terminal !== undefined,
    ...terminal,
    text: () => Buffer.concat(chunks).toString("utf8"),
    bytes: () => Buffer.concat(chunks),
  };
}

/** Shows what a terminal of this size would show after these bytes: enough of one for what the screen uses. */
export function showOnTerminal(text: string): string[] {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control sequences
  const sequence = /\u001b\[(\d*)([A-Za-z])/y;
  for (let index = 0; index < text.length; ) {
    sequence.lastIndex = index;
    const match = sequence.exec(text);
    if (match !== null) {
      const count = Number(match[1] || "1");
      if (match[2] === "A") row = Math.max(0, row - count);
      if (match[2] === "K") lines[row] = (lines[row] ?? "").slice(0, column);
      if (match[2] === "J") {
        lines[row] = (lines[row] ?? "").slice(0, column);
        lines.length = row + 1;
      }
      index += match[0].length;
      continue;
    }
    const character = text[index] ?? "";
    if (character === "\n") {
      row++;
      column = 0;
      lines[row] ??= "";
    } else if (character === "\r") column = 0;
    else {
      const line = (lines[row] ?? "").padEnd(column);
      lines[row] = line.slice(0, column) + character + line.slice(column + 1);
      column++;
    }
    index++;
  }
  return lines;
}
