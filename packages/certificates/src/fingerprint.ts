import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";

const DIGEST_CHARS = 43;
/** `wrj_`, 256 random bits, and the SHA-256 of the authority's certificate, both base64url, whose letters include `_`. */
const JOIN_TOKEN_PATTERN = new RegExp(`^wrj_[A-Za-z0-9_-]{${DIGEST_CHARS}}_([A-Za-z0-9_-]{${DIGEST_CHARS}})$`);

/** SHA-256 of a certificate (PEM or DER), base64url. Throws for bytes that are no certificate. */
export function fingerprintOf(certificate: string | Buffer): string {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest("base64url");
}

/** Compares without telling by time where they differ. */
export function isSameFingerprint(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The fingerprint that a join token carries; undefined for one of a farm without TLS. */
export function readJoinFingerprint(joinToken: string): string | undefined {
  return JOIN_TOKEN_PATTERN.exec(joinToken)?.[1];
}
