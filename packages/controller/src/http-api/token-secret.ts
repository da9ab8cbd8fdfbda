import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** `wru_` user or API, `wrj_` join, `wrt_` job. */
export type TokenPrefix = "wru" | "wrj" | "wrt";

const SECRET_BYTES = 32;
const PREFIX_SHOWN_CHARS = 8;
const TOKEN_PATTERN = /^(wru|wrj|wrt)_[A-Za-z0-9_-]{20,200}$/;

export interface TokenSecret {
  readonly secret: string;
  readonly hash: Buffer;
  /** Enough to recognise it by, far too little to guess it. */
  readonly prefix: string;
}

/** A new random token of 256 bits, with what it is to carry behind them. Only its hash may be stored. */
export function createTokenSecret(prefix: TokenPrefix, carried?: string): TokenSecret {
  const random = randomBytes(SECRET_BYTES).toString("base64url");
  const secret = `${prefix}_${random}${carried === undefined ? "" : `_${carried}`}`;
  return { secret, hash: hashToken(secret), prefix: secret.slice(0, PREFIX_SHOWN_CHARS) };
}

/** SHA-256, which is enough for random secrets: there is nothing to guess from. */
export function hashToken(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Compares two hashes without telling by time where they differ. */
export function isSameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The kind of token by its shape, or undefined for what cannot be one. */
export function tokenKind(secret: string): TokenPrefix | undefined {
  const prefix = TOKEN_PATTERN.exec(secret)?.[1];
  return prefix === "wru" || prefix === "wrj" || prefix === "wrt" ? prefix : undefined;
}
