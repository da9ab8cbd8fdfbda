import { readFile, stat } from "node:fs/promises";
import { usageError } from "../cli-error.ts";

/** GitHub's own limit for what it delivers. */
const PAYLOAD_BYTES_MAX = 25 * 1024 * 1024;

/** An event's document: a map whose entries are looked at with care. */
export type Payload = Readonly<Record<string, unknown>>;

/** Reads `--payload`. Errors: CliError `usage`. */
export async function readPayload(file: string): Promise<Payload> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > PAYLOAD_BYTES_MAX) throw usageError(`${file} is larger than ${PAYLOAD_BYTES_MAX / 1024 / 1024} MiB`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error) || error.name === "CliError") throw error;
    throw usageError(`the payload ${file} cannot be read (${String(error.code)})`);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (isMap(parsed)) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageError(`${file} is not JSON: ${error.message}`, "It holds the event's document, as webhooks deliver it");
  }
  throw usageError(`${file} is not a JSON object`, "It holds the event's document, as webhooks deliver it");
}

/** The text or number at a path of the document, as text; undefined where there is none. */
export function payloadText(payload: Payload, ...path: readonly string[]): string | undefined {
  let at: unknown = payload;
  for (const name of path) at = isMap(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  if (typeof at === "number" || typeof at === "boolean") return String(at);
  return typeof at === "string" && at !== "" ? at : undefined;
}

/** The list at a path of the document; empty where there is none. */
export function payloadList(payload: Payload, name: string): readonly unknown[] {
  const value = payload[name];
  return Array.isArray(value) ? value : [];
}

export function isMap(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
