/** True when `error` is a system error with one of the given codes (`ENOENT`, `ESRCH`, …). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}
