import { createTerminalFilter, type TerminalFilter } from "../output/terminal-filter.ts";

const LINES_MAX = 40;
const LINE_CHARACTERS_MAX = 4096;
/** Of one chunk only so much of its end can matter to a tail; the rest is not even decoded. */
const CHUNK_BYTES_MAX = 64 * 1024;

/** The last lines of one log stream, safe to show on a terminal. */
export interface LineTail {
  push(bytes: Uint8Array): void;
  /** The last lines, oldest first; a line that has not ended yet counts. */
  last(countMax: number): string[];
}

export function createLineTail(): LineTail {
  let decoder = new TextDecoder();
  let filter: TerminalFilter = createTerminalFilter();
  let lines: string[] = [];
  let open = "";
  return {
    push(bytes) {
      let seen = bytes;
      if (bytes.length > CHUNK_BYTES_MAX) {
        seen = bytes.subarray(bytes.length - CHUNK_BYTES_MAX);
        decoder = new TextDecoder();
        filter = createTerminalFilter();
        open = "";
      }
      const parts = filter.push(decoder.decode(seen, { stream: true })).split("\n");
      for (const [index, part] of parts.entries()) {
        open = (open + part).slice(0, LINE_CHARACTERS_MAX);
        if (index === parts.length - 1) break;
        lines.push(open);
        open = "";
      }
      lines = lines.slice(-LINES_MAX);
    },
    last(countMax) {
      const all = open === "" ? lines : [...lines, open];
      return all.slice(-Math.min(countMax, LINES_MAX)).map((line) => line.replaceAll("\t", "    "));
    },
  };
}
