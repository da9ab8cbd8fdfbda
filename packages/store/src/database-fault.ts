/** Conditions after which the same statement may be tried again: the connection broke, the server restarts, a lock lost. */
const RETRYABLE_SQLSTATES = new Set([
  ...["40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25006", "25P03"],
  // out of connections, disk, memory, or the disk itself failed
  ...["53300", "53100", "53200", "53400", "58030"],
]);
const RETRYABLE_NODE_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT", "ETIMEDOUT", "ENOTFOUND"]);
const RETRYABLE_MESSAGES = [
  "Connection terminated",
  "timeout exceeded when trying to connect",
  "Client has encountered a connection error",
  "Client was closed",
  "Query read timeout",
];

/**
 * True when the database is away or busy rather than refusing: the caller may try the same again, provided that what it
 * does is idempotent (a fenced or uniquely keyed write). A commit that failed this way may have happened.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (RETRYABLE_SQLSTATES.has(code) || RETRYABLE_NODE_CODES.has(code) || code.startsWith("08")) return true;
  return RETRYABLE_MESSAGES.some((message) => error.message.includes(message));
}

/** True when a row with the same unique key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}
