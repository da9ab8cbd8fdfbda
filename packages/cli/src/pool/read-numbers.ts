import { usageError } from "../cli-error.ts";
import { parseDuration } from "../output/duration.ts";

/** A whole number of an option. Errors: CliError `usage`. */
export function wholeNumber(flag: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw usageError(`${flag} takes a whole number`);
  return Number(text);
}

/** A whole number of an option, or null for `none`. Errors: CliError `usage`. */
export function countOrNone(flag: string, text: string): number | null {
  if (text === "none") return null;
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${flag} takes a whole number, or none`);
  return Number(text);
}

/** Milliseconds of an option. Errors: CliError `usage`. */
export function duration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usageError(`${flag} takes a duration`, `For example: ${flag} 30s`);
  return ms;
}
