import { MACHINES_PROVIDED_MAX, type ProvidedMachine } from "../agent-provider.ts";
import { ProviderError } from "../provider-error.ts";

const SHOWN_CHARS_MAX = 200;

/**
 * What the list command wrote: a JSON array of `{"name": …, "pool": …, "alive": …}`; `alive` is true when left out, and
 * what else stands there is nobody's business. Throws ProviderError with what is wrong: half a list would end agents.
 */
export function decodeMachines(text: string): ProvidedMachine[] {
  const list = parse(text);
  if (!Array.isArray(list)) throw wrong("is not a JSON array", text);
  if (list.length > MACHINES_PROVIDED_MAX) throw wrong(`names more than ${MACHINES_PROVIDED_MAX} machines`, text);
  const machines = new Map<string, ProvidedMachine>();
  for (const [index, entry] of list.entries()) {
    const read = (key: string): unknown =>
      typeof entry === "object" && entry !== null ? Reflect.get(entry, key) : undefined;
    const [name, pool, alive] = [read("name"), read("pool"), read("alive") ?? true];
    if (typeof name !== "string" || name === "") throw wrong(`has no name in entry ${index}`, text);
    if (typeof pool !== "string") throw wrong(`has no pool in entry ${index}`, text);
    if (typeof alive !== "boolean") throw wrong(`has an alive that is neither true nor false in entry ${index}`, text);
    if (machines.has(name)) throw wrong(`names ${JSON.stringify(name)} twice`, text);
    machines.set(name, { name, pool, isAlive: alive });
  }
  return [...machines.values()];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong("is not JSON", text);
    throw error;
  }
}

function wrong(what: string, text: string): ProviderError {
  const shown = JSON.stringify(text.slice(0, SHOWN_CHARS_MAX));
  return new ProviderError(`what the list command wrote ${what}: ${shown}`, { retryable: true });
}
