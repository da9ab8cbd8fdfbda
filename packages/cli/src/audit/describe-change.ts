/**
 * What an entry changed, in one line: `weight 1 → 3` for fields that differ, the fields themselves where there was
 * nothing before, nothing where it is gone.
 */
export function describeChange(entry: { readonly before?: unknown; readonly after?: unknown }): string {
  const before = fieldsOf(entry.before);
  const after = fieldsOf(entry.after);
  if (entry.after === null || entry.after === undefined) return "";
  if (entry.before === null || entry.before === undefined) {
    return [...after]
      .filter(([, value]) => !isEmpty(value))
      .map(([name, value]) => `${name} ${show(value)}`)
      .join(", ");
  }
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => show(before.get(name)) !== show(after.get(name)))
    .map((name) => `${name} ${show(before.get(name))} → ${show(after.get(name))}`)
    .join(", ");
}

function fieldsOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "string") return value === "" ? '""' : value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(",") || "none";
  return JSON.stringify(value);
}
