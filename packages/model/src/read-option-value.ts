// Values as Docker's own command line reads them. Undefined: it is none.

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const UNITS = ["b", "k", "m", "g", "t"];

/** `1m30s`, `500ms`, `0`; milliseconds. */
export function readDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ""] of text.matchAll(/([\d.]+)(ms|s|m|h)/g))
    ms += Number(amount) * (MS_PER_UNIT[unit] ?? 0);
  return Math.round(ms);
}

/** `512m`, `1g`, `64MB`, `1024`; bytes. */
export function readBytes(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([bkmgt])?(?:i?b)?$/i.exec(text) ?? [];
  if (amount === undefined) return undefined;
  return Math.round(Number(amount) * 1024 ** UNITS.indexOf((unit ?? "b").toLowerCase()));
}

/** `nofile=1024:2048`. */
export function readUlimit(
  text: string,
): { readonly name: string; readonly soft: number; readonly hard: number } | undefined {
  const [, name, soft, hard] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined || soft === undefined) return undefined;
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}

export function readWholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** `--mount`'s fields in `-v`'s form. */
export function readMount(
  text: string,
): { readonly volume: string } | { readonly tmpfs: string } | { readonly problem: string } {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const [name = "", ...value] = field.split("=");
    fields.set(name.trim().toLowerCase(), value.join("="));
  }
  const take = (...names: string[]) => {
    const name = names.find((one) => fields.has(one));
    const value = name === undefined ? undefined : fields.get(name);
    for (const one of names) fields.delete(one);
    return value;
  };
  const type = take("type") ?? "volume";
  const source = take("source", "src");
  const target = take("target", "destination", "dst");
  const readOnly = take("readonly", "ro");
  const isReadOnly = readOnly !== undefined && readOnly !== "false" && readOnly !== "0";
  const [other] = fields.keys();
  if (target === undefined) return { problem: "a mount needs a target" };
  if (other !== undefined) return { problem: `a mount cannot have ${other}` };
  if (type === "tmpfs") return { tmpfs: target };
  if (type !== "bind" && type !== "volume") return { problem: `a mount cannot be of type ${type}` };
  const kind = source?.startsWith("/") === true ? "bind" : "volume";
  if (kind !== type) return { problem: `a ${type} cannot be of "${source ?? ""}"` };
  return { volume: `${source === undefined ? "" : `${source}:`}${target}${isReadOnly ? ":ro" : ""}` };
}
