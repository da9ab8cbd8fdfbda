import type { Value } from "@windrow/model";
import { keepConverted } from "./expression-data.ts";
import { EVENTS_KEPT_MAX } from "./limits.ts";

const kept = new Map<string, Value>();

/**
 * The document of an event as a value. All jobs of a run read the same one, so the last few are parsed, and converted
 * for expressions, only once. Throws `SyntaxError` for what is not JSON; nothing counts as an empty map.
 */
export function parseEvent(json: string): Value {
  if (json === "") return {};
  const known = kept.get(json);
  if (known !== undefined) return known;
  const event: Value = JSON.parse(json);
  keepConverted(event);
  for (const oldest of kept.keys()) {
    if (kept.size < EVENTS_KEPT_MAX) break;
    kept.delete(oldest);
  }
  kept.set(json, event);
  return event;
}
