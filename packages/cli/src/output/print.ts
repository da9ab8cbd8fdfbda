import { type Terminal, writeAll } from "./terminal.ts";

/** Lines of data on stdout. */
export async function printLines(terminal: Terminal, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await writeAll(terminal.out, `${lines.join("\n")}\n`);
}

/** The API's own shape on stdout, whole. */
export async function printJson(terminal: Terminal, json: unknown): Promise<undefined> {
  await writeAll(terminal.out, `${JSON.stringify(json, null, 2)}\n`);
  return undefined;
}

/** Chatter for people, on stderr. */
export function say(terminal: Terminal, text: string): void {
  terminal.err.write(`${text}\n`);
}
