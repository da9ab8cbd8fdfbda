import { createHash, randomBytes } from "node:crypto";

/** SHA-256 as tokens are stored. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** A token that opens what one attempt may reach, and dies with it. */
export function createJobToken(): string {
  return `wrt_${randomBytes(32).toString("base64url")}`;
}
