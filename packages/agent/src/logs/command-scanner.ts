/** A line of a step's output that begins with `::`, without its newline; `rawOffset` is where the line's `::` stands. */
export interface CommandLine {
  readonly rawOffset: number;
  readonly line: string;
}

/** Longer lines that begin with `::` are ordinary output. */
export const COMMAND_LINE_BYTES_MAX = 64 * 1024;

/**
 * Finds workflow commands in raw output. It runs ahead of shipping, so that the bytes of a command that adds a mask are
 * known to be secret before they leave.
 */
export interface CommandScanner {
  /** Takes the next bytes of the stream. */
  push(raw: Buffer): void;
  /** Takes an unfinished last line for a whole one. */
  end(): void;
  /** How many bytes were taken. */
  readonly scannedBytes: number;
  /** Bytes before this offset belong to no command that is still incomplete: they may be shipped. */
  readonly safeBytes: number;
}

const NEWLINE = 0x0a;
const COLON = 0x3a;
const TAB = 0x09;
const SPACE = 0x20;

export function createCommandScanner(onCommand: (command: CommandLine) => void): CommandScanner {
  let scannedBytes = 0;
  let place: "blank" | "text" | "candidate" = "blank";
  let candidate: Buffer[] = [];
  let candidateBytes = 0;
  let candidateOffset = 0;

  function endCandidate(): void {
    const bytes = Buffer.concat(candidate);
    if (bytes[1] === COLON) {
      const line = bytes.toString("utf8");
      onCommand({ rawOffset: candidateOffset, line: line.endsWith("\r") ? line.slice(0, -1) : line });
    }
    candidate = [];
    candidateBytes = 0;
  }

  function takeCandidate(raw: Buffer, start: number): number {
    const newline = raw.indexOf(NEWLINE, start);
    const end = newline === -1 ? raw.length : newline;
    candidate.push(Buffer.from(raw.subarray(start, end)));
    candidateBytes += end - start;
    const second =
      candidateBytes < 2 ? undefined : candidate.length === 1 ? candidate[0]?.[1] : Buffer.concat(candidate)[1];
    const isCommand = candidateBytes < 2 || second === COLON;
    if (newline === -1 && isCommand && candidateBytes <= COMMAND_LINE_BYTES_MAX) return raw.length;
    if (isCommand && candidateBytes <= COMMAND_LINE_BYTES_MAX) endCandidate();
    candidate = [];
    candidateBytes = 0;
    place = newline === -1 ? "text" : "blank";
    return newline === -1 ? raw.length : newline + 1;
  }

  return {
    push(raw) {
      let at = 0;
      while (at < raw.length) {
        if (place === "candidate") {
          at = takeCandidate(raw, at);
        } else if (place === "text") {
          const newline = raw.indexOf(NEWLINE, at);
          if (newline === -1) break;
          place = "blank";
          at = newline + 1;
        } else {
          const byte = raw[at];
          if (byte === COLON) {
            place = "candidate";
            candidateOffset = scannedBytes + at;
          } else {
            if (byte !== SPACE && byte !== TAB && byte !== NEWLINE) place = "text";
            at++;
          }
        }
      }
      scannedBytes += raw.length;
    },
    end() {
      if (place === "candidate") endCandidate();
      place = "text";
    },
    get scannedBytes() {
      return scannedBytes;
    },
    get safeBytes() {
      return place === "candidate" ? candidateOffset : scannedBytes;
    },
  };
}
