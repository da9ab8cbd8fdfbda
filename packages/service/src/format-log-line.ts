const LEVEL_COLUMNS = 5;
/** Told in front, or the same in every line of one process. */
const TOLD = new Set(["level", "time", "component", "pid", "msg", "err"]);

/**
 * One JSON line of the log for people: time of day (UTC), level, component, message, then `name=value` for every other
 * field, and an error's stack on lines of its own. A text that is no such line is answered as it is. Control characters
 * never reach the terminal: values may come from another machine.
 */
export function formatLogLine(line: string): string {
  const entry = parse(line);
  if (entry === undefined) return line;
  const time = String(entry.time ?? "").slice(11, 23);
  const level = String(entry.level ?? "").toUpperCase();
  const fields = Object.entries(entry)
    .filter(([name]) => !TOLD.has(name))
    .map(([name, value]) => `${name}=${showValue(value)}`);
  const error = isRecord(entry.err) ? entry.err : undefined;
  if (error !== undefined) fields.push(`err=${showValue(error.message)}`);
  const head = [
    time,
    level.padEnd(LEVEL_COLUMNS),
    `${String(entry.component ?? "")}:`,
    showText(String(entry.msg ?? "")),
  ];
  const isSerious = level === "ERROR" || level === "FATAL";
  const stack = isSerious && typeof error?.stack === "string" ? error.stack.split("\n").slice(1) : [];
  return `${[...head, ...fields].join(" ")}\n${stack.map((text) => `    ${showText(text.trim())}\n`).join("")}`;
}

function showValue(value: unknown): string {
  if (typeof value !== "string") return showText(JSON.stringify(value) ?? "");
  return /^[\w./:@,+-]+$/.test(value) ? value : showText(JSON.stringify(value));
}

function showText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
