/** So much of a disk: a share of its size, or bytes. */
export type DiskShare = { readonly percent: number } | { readonly bytes: number };

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `20%`, `500M`, `20G`, `1T`, or bytes; undefined for anything else. */
export function parseDiskShare(text: string): DiskShare | undefined {
  const percent = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (percent !== undefined) return Number(percent) <= 100 ? { percent: Number(percent) } : undefined;
  const [, count, unit = ""] = /^(\d{1,15})([KMGT]?)$/.exec(text) ?? [];
  const bytes = Number(count) * (UNITS[unit] ?? Number.NaN);
  return count !== undefined && Number.isSafeInteger(bytes) ? { bytes } : undefined;
}

export const bytesOfShare = (share: DiskShare, diskBytes: number): number =>
  "bytes" in share ? share.bytes : Math.floor((share.percent / 100) * diskBytes);

/** For people: `512 MiB`, `1.4 GiB`. */
export function sayBytes(bytes: number): string {
  const names = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let amount = bytes;
  let step = 0;
  for (; amount >= 1_024 && step < names.length - 1; step++) amount /= 1_024;
  return `${amount >= 100 || Number.isInteger(amount) ? Math.round(amount) : amount.toFixed(1)} ${names[step]}`;
}
