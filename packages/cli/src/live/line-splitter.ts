const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

/** Bytes → whole lines with their line end, whatever the bytes are. A line beyond 1 MiB comes in pieces. */
export interface LineSplitter {
  push(bytes: Uint8Array): Uint8Array[];
  /** What stood after the last line end, with a line end added. */
  end(): Uint8Array[];
}

export function createLineSplitter(): LineSplitter {
  let open: Uint8Array[] = [];
  let openLength = 0;
  const take = (last: Uint8Array): Uint8Array => {
    const line = Buffer.concat([...open, last]);
    open = [];
    openLength = 0;
    return line;
  };
  return {
    push(bytes) {
      const lines: Uint8Array[] = [];
      let start = 0;
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, start)) {
        lines.push(take(bytes.subarray(start, at + 1)));
        start = at + 1;
      }
      const rest = bytes.subarray(start);
      if (rest.length > 0) {
        open.push(rest);
        openLength += rest.length;
      }
      if (openLength > LINE_BYTES_MAX) lines.push(take(Buffer.from("\n")));
      return lines;
    },
    end() {
      return openLength === 0 ? [] : [take(Buffer.from("\n"))];
    },
  };
}
