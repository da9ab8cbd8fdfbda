const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `512MiB`, `4GiB`, `4G`, `1048576`: powers of 1024, whole bytes. Undefined for what is none. */
export function readBytes(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (number === undefined) return undefined;
  const power = unit === "" ? 0 : "KMGT".indexOf(unit.toUpperCase()) + 1;
  const bytes = Math.floor(Number(number) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `4 GiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let power = 0;
  while (bytes >= 1024 ** (power + 1) && power < UNITS.length - 1) power++;
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${UNITS[power]}`;
}
