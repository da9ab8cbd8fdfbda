/**
 * A refusal: the caller may not do this, now or at all. One table per door maps codes to gRPC and HTTP.
 * Thrown for: revoked (the lease is not yours any more), not_found, not_allowed, unauthenticated, invalid, conflict,
 * too_large, too_many, unsupported_version.
 */
export const REFUSAL_CODES = [
  "revoked",
  "not_found",
  "not_allowed",
  "unauthenticated",
  "invalid",
  "conflict",
  "too_large",
  "too_many",
  "unsupported_version",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export class Refusal extends Error {
  readonly code: RefusalCode;
  /** What to do next, for people. */
  readonly hint: string | undefined;

  constructor(code: RefusalCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Refusal";
    this.code = code;
    this.hint = options.hint;
  }
}
