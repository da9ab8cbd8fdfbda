import type { Value } from "@windrow/model";
import type { Fields } from "./fields.ts";
import type { Packed } from "./proto-message.ts";

/** Values nest this deep at most: protobuf libraries stop at 100 messages, and a map is three of them per level. */
export const VALUE_DEPTH_MAX = 30;

const KINDS = ["nullValue", "boolValue", "numberValue", "stringValue", "listValue", "mapValue"] as const;

/** A value of the expression language as the message `Value`. */
export function packValue(value: Value): Packed {
  if (value === null) return { nullValue: true };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "string") return { stringValue: value };
  if (isList(value)) return { listValue: { items: value.map(packValue) } };
  return { mapValue: packValueMap(value) };
}

export const packValueMap = (map: { readonly [name: string]: Value }): Packed => ({
  entries: Object.entries(map).map(([name, value]) => ({ name, value: packValue(value) })),
});

export function unpackValue(fields: Fields, depth = 0): Value {
  const kind = fields.kind(KINDS);
  switch (kind) {
    case "nullValue":
      return fields.flag(kind) ? null : fields.fail(kind, "is false");
    case "boolValue":
      return fields.flag(kind);
    case "numberValue":
      return fields.double(kind);
    case "stringValue":
      return fields.text(kind);
    case "listValue":
      return fields.message(kind).messages("items", (item) => unpackValue(item, deeper(fields, depth)));
    case "mapValue":
      return unpackValueMap(fields.message(kind), deeper(fields, depth));
  }
}

export function unpackValueMap(fields: Fields, depth = 0): { readonly [name: string]: Value } {
  return Object.fromEntries(
    fields.messages("entries", (entry) => [entry.text("name"), unpackValue(entry.message("value"), depth)]),
  );
}

function deeper(fields: Fields, depth: number): number {
  return depth < VALUE_DEPTH_MAX ? depth + 1 : fields.fail("kind", `nests deeper than ${VALUE_DEPTH_MAX}`);
}

// `Array.isArray` does not narrow a readonly array.
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
