/** One variable or output a step set. */
export interface EnvironmentEntry {
  readonly name: string;
  readonly value: string;
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

export type EnvironmentFile =
  | {
      readonly kind: "entries";
      readonly entries: readonly EnvironmentEntry[];
      /** Names that may not be set this way; they are left out, and the step's log should say so. */
      readonly blocked: readonly EnvironmentEntry[];
    }
  /** The file cannot be read, which fails the step. `message` quotes the line whole: it is to be redacted before it is cut. */
  | { readonly kind: "error"; readonly line: number; readonly message: string };

/** Names a job may not set for its later steps. */
const BLOCKED_IN_ENV = new Set(["NODE_OPTIONS"]);

/**
 * Reads what a step wrote into the file of GITHUB_ENV (`env`), GITHUB_OUTPUT or GITHUB_STATE (`output`): lines
 * `name=value`, or `name<<DELIMITER`, any lines, and the delimiter alone on a line that ends.
 */
export function parseEnvironmentFile(text: string, kind: "env" | "output"): EnvironmentFile {
  const entries: EnvironmentEntry[] = [];
  const blocked: EnvironmentEntry[] = [];
  const lines = splitLines(text);
  for (let at = 0; at < lines.length; at += 1) {
    const { text: line } = lines[at] ?? { text: "" };
    if (line === "") continue;
    const read = readEntry(lines, at);
    if (typeof read === "string") return { kind: "error", line: at + 1, message: read };
    const entry = { name: read.name, value: read.value, line: at + 1 };
    at = read.last;
    if (kind === "env" && BLOCKED_IN_ENV.has(entry.name.toUpperCase())) blocked.push(entry);
    else entries.push(entry);
  }
  return { kind: "entries", entries, blocked };
}

/** Reads GITHUB_PATH: one folder a line, empty lines left out. */
export function parsePathFile(text: string): string[] {
  return splitLines(text)
    .map((line) => line.text)
    .filter((line) => line !== "");
}

interface Line {
  readonly text: string;
  /** The line end as written; empty for a last line without one. */
  readonly end: string;
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  for (let at = start; at < text.length; ) {
    const feed = text.indexOf("\n", at);
    if (feed < 0) {
      lines.push({ text: text.slice(at), end: "" });
      break;
    }
    const isCrlf = feed > at && text[feed - 1] === "\r";
    lines.push({ text: text.slice(at, isCrlf ? feed - 1 : feed), end: isCrlf ? "\r\n" : "\n" });
    at = feed + 1;
  }
  return lines;
}

function readEntry(lines: readonly Line[], at: number): { name: string; value: string; last: number } | string {
  const line = lines[at]?.text ?? "";
  const equals = line.indexOf("=");
  const heredoc = line.indexOf("<<");
  if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
    const name = line.slice(0, equals);
    if (name === "") return `invalid line '${line}': the name is empty`;
    return { name, value: line.slice(equals + 1), last: at };
  }
  if (heredoc < 0) return `invalid line '${line}': expected name=value or name<<DELIMITER`;
  const name = line.slice(0, heredoc);
  const delimiter = line.slice(heredoc + 2);
  if (name === "" || delimiter === "") {
    return `invalid line '${line}': name and delimiter must not be empty`;
  }
  let value = "";
  for (let next = at + 1; next < lines.length; next += 1) {
    const { text, end } = lines[next] ?? { text: "", end: "" };
    if (text === delimiter) return { name, value: value.replace(/\r?\n$/, ""), last: next };
    if (end === "") break;
    value += text + end;
  }
  return `the value of '${name}' has no line with its delimiter '${delimiter}'`;
}
