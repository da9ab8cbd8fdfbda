import { encodeUser } from "@nats-io/jwt";
import { fromPublic, type KeyPair } from "@nats-io/nkeys";
import type { AgentId } from "@windrow/model";
import { NATS_USER_LIFE_SECONDS_MAX } from "../limits.ts";
import { openNkey } from "./open-nkey.ts";

export interface AgentNatsJwtOptions {
  readonly agentId: AgentId;
  readonly userPublicKey: string;
  readonly agentSigningSeed: string;
  readonly accountPublicKey: string;
  /** From 1 to NATS_USER_LIFE_SECONDS_MAX. The server closes the connection when it is over. */
  readonly ttlSeconds: number;
  /** Epoch milliseconds; now when not given. */
  readonly nowMs?: number;
}

/**
 * The credential of one agent's NATS user. Its rights are those of the account's template for the signing key, filled
 * with the user's name, which is the agent's id: subjects of its own only.
 */
export async function issueAgentNatsJwt(options: AgentNatsJwtOptions): Promise<string> {
  const { ttlSeconds, nowMs = Date.now() } = options;
  if (!(ttlSeconds >= 1 && ttlSeconds <= NATS_USER_LIFE_SECONDS_MAX)) {
    throw new RangeError(`a NATS user lives 1 to ${NATS_USER_LIFE_SECONDS_MAX} seconds, not ${ttlSeconds}`);
  }
  return encodeUser(
    options.agentId,
    fromPublic(options.userPublicKey),
    signerOf(options.agentSigningSeed),
    { issuer_account: options.accountPublicKey },
    { scopedUser: true, exp: Math.floor(nowMs / 1_000) + Math.floor(ttlSeconds) },
  );
}

/** A farm has one signing key: it is opened once. */
let opened: { readonly seed: string; readonly signer: KeyPair } | undefined;

function signerOf(seed: string): KeyPair {
  if (opened?.seed !== seed) opened = { seed, signer: openNkey(seed) };
  return opened.signer;
}
