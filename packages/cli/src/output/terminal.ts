import { styleText } from "node:util";

/** One of the process's output streams, as far as this program needs it; tests give their own. */
export interface OutputStream {
  write(chunk: string | Uint8Array): boolean;
  once(event: "drain", listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export type StyleName = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta" | "gray";

/** Colours a text, or leaves it as it is where colour is off. */
export type Style = (name: StyleName | StyleName[], text: string) => string;

/** Data goes to `out`, chatter to `err`. */
export interface Terminal {
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly outStyle: Style;
  readonly errStyle: Style;
  /** False where people asked for a plain terminal (`TERM=dumb`): nothing is redrawn in place. */
  readonly canRedraw: boolean;
}

export interface TerminalOptions {
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Colour is on for a terminal, unless NO_COLOR (or TERM=dumb) says no; CLICOLOR_FORCE and FORCE_COLOR say yes for anything. */
export function createTerminal({ out, err, environment }: TerminalOptions): Terminal {
  const isSet = (name: string) => (environment[name] ?? "") !== "" && environment[name] !== "0";
  const isDumb = environment.TERM === "dumb";
  const isForced = isSet("CLICOLOR_FORCE") || isSet("FORCE_COLOR");
  const colours = (stream: OutputStream) => {
    if ((environment.NO_COLOR ?? "") !== "") return false;
    return isForced || (stream.isTTY === true && !isDumb);
  };
  return {
    out,
    err,
    outStyle: createStyle(colours(out)),
    errStyle: createStyle(colours(err)),
    canRedraw: out.isTTY === true && !isDumb,
  };
}

export function createStyle(isColoured: boolean): Style {
  if (!isColoured) return (_name, text) => text;
  return (name, text) => styleText(name, text, { validateStream: false });
}

/** Writes all of `chunk` before it resolves, so that a slow reader slows us instead of filling memory. */
export async function writeAll(stream: OutputStream, chunk: string | Uint8Array): Promise<void> {
  if (chunk.length === 0 || stream.write(chunk)) return;
  await new Promise<void>((resolve) => stream.once("drain", resolve));
}
