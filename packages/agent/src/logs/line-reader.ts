/** Characters of a line that are looked at; the rest of it is as if it were not there. */
export const READ_LINE_CHARS_MAX = 4_096;

/** A line of output without its end. */
export interface OutputLine {
  readonly text: string;
  /** Where its first byte stands. */
  readonly rawOffset: number;
}

/** Cuts bytes that come in pieces into lines. */
export interface LineReader {
  push(raw: Buffer, rawOffset: number): OutputLine[];
  /** The unfinished last line, if there is one. */
  end(): OutputLine | undefined;
}

const NEWLINE = 0x0a;

export function createLineReader(): LineReader {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let begunAt: number | undefined;

  function keep(piece: Buffer, rawOffset: number): void {
    begunAt ??= rawOffset;
    const room = READ_LINE_CHARS_MAX - begunBytes;
    if (room <= 0) return;
    const kept = Buffer.from(piece.subarray(0, room));
    begun.push(kept);
    begunBytes += kept.length;
  }

  function finish(): OutputLine {
    const text = Buffer.concat(begun).toString("utf8").replace(/\r$/, "");
    const line = { text, rawOffset: begunAt ?? 0 };
    begun = [];
    begunBytes = 0;
    begunAt = undefined;
    return line;
  }

  return {
    push(raw, rawOffset) {
      const lines: OutputLine[] = [];
      let at = 0;
      for (let newline = raw.indexOf(NEWLINE); newline !== -1; newline = raw.indexOf(NEWLINE, at)) {
        keep(raw.subarray(at, newline), rawOffset + at);
        lines.push(finish());
        at = newline + 1;
      }
      if (at < raw.length) keep(raw.subarray(at), rawOffset + at);
      return lines;
    },
    end: () => (begunAt === undefined ? undefined : finish()),
  };
}
