import { createHmac, createPrivateKey, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Authority } from "./open-authority.ts";

/** Makes and checks the questions that an agent's signature answers when it renews its certificate. */
export interface RenewalChallenges {
  /** Holds for a minute, and for the difference of clocks, for one agent, at every controller of the farm. */
  make(agentId: string, nowMs: number): string;
  isGood(challenge: string, agentId: string, nowMs: number): boolean;
}

const LIFE_MS = 60_000;
/** Controllers' clocks may differ by so much: what one of them made is good at the others. */
const SKEW_MS_MAX = 60_000;
const TIME_BYTES = 8;
const RANDOM_BYTES = 16;
const MAC_BYTES = 32;
const CHALLENGE_CHARS = Math.ceil(((TIME_BYTES + RANDOM_BYTES + MAC_BYTES) * 4) / 3);

/** Nothing is remembered: a challenge carries its end and a seal under a key that is derived from the authority's. */
export function createRenewalChallenges(authority: Authority): RenewalChallenges {
  const secret = createPrivateKey(authority.pair.key).export({ type: "pkcs8", format: "der" });
  const key = Buffer.from(hkdfSync("sha256", secret, "", "windrow renewal challenge 1", MAC_BYTES));
  const seal = (body: Buffer, agentId: string) => createHmac("sha256", key).update(body).update(agentId).digest();
  return {
    make(agentId, nowMs) {
      const body = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
      body.writeBigUInt64BE(BigInt(nowMs + LIFE_MS));
      randomBytes(RANDOM_BYTES).copy(body, TIME_BYTES);
      return Buffer.concat([body, seal(body, agentId)]).toString("base64url");
    },
    isGood(challenge, agentId, nowMs) {
      if (challenge.length !== CHALLENGE_CHARS) return false;
      const bytes = Buffer.from(challenge, "base64url");
      if (bytes.length !== TIME_BYTES + RANDOM_BYTES + MAC_BYTES) return false;
      const body = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
      if (!timingSafeEqual(bytes.subarray(body.length), seal(body, agentId))) return false;
      const untilMs = Number(body.readBigUInt64BE());
      return nowMs < untilMs + SKEW_MS_MAX && untilMs <= nowMs + LIFE_MS + SKEW_MS_MAX;
    },
  };
}
