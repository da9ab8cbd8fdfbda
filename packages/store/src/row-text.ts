/**
 * Postgres keeps no U+0000 in a text and no half of a surrogate pair in a document, but workflow files, events and
 * expressions (`fromJSON`) may make both. They become U+FFFD on their way into a row: a statement that fails because of
 * what somebody wrote would fail again with every repetition, and with it everything its transaction had to do.
 */
const REPLACEMENT = "\uFFFD";

/** A parameter of a statement, or a list of them, as Postgres can keep it. */
export function rowValue(value: unknown): unknown {
  if (typeof value === "string") return value.includes("\0") ? value.replaceAll("\0", REPLACEMENT) : value;
  return Array.isArray(value) && value.some(isUnstorable) ? value.map(rowValue) : value;
}

const isUnstorable = (value: unknown): boolean =>
  typeof value === "string" ? value.includes("\0") : Array.isArray(value) && value.some(isUnstorable);

// JSON.stringify writes both as escapes; behind an odd number of backslashes the `u` begins one
const ESCAPES = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi;

/** A value as the JSON text of a `jsonb` column. */
export function rowJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes("\\u") ? text.replace(ESCAPES, `$1${REPLACEMENT}`) : text;
}
