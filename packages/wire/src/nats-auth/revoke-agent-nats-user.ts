import { setTimeout as delay } from "node:timers/promises";
import { type Account, decode, encodeAccount } from "@nats-io/jwt";
import { fromPublic, fromSeed } from "@nats-io/nkeys";
import { connect, type NatsConnection } from "nats";
import { type NatsTls, natsOptions } from "../bus/keep-nats-connection.ts";
import {
  NATS_ADMIN_TIMEOUT_MS,
  NATS_REVOKE_SETTLE_MS,
  NATS_REVOKE_TRIES_MAX,
  NATS_USER_LIFE_SECONDS_MAX,
} from "../limits.ts";
import type { NatsKeys } from "./nats-keys.ts";

export interface RevokeOptions {
  readonly urls: readonly string[];
  readonly keys: NatsKeys;
  readonly userPublicKey: string;
  readonly tls?: NatsTls;
  /**
   * Epoch milliseconds: credentials issued until then are refused from now on. Now when not given; a sweep that repeats
   * revocations gives the time of the removal, and pushes nothing when it is already there.
   */
  readonly nowMs?: number;
}

/**
 * NATS is away, or it did not take the new account. The revocation is then repeated by the caller; until it succeeds
 * the agent's user lives until its credential ends.
 */
export class NatsAdminError extends Error {
  readonly code = "nats_admin";
  readonly retryable = true;

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "NatsAdminError";
  }
}

/**
 * Cuts one agent's NATS user off: a new account JWT with a revocation is pushed to the server's resolver, which closes
 * the live connection and refuses the next. Idempotent. Throws NatsAdminError.
 */
export async function revokeAgentNatsUser(options: RevokeOptions): Promise<void> {
  const nowSeconds = Math.floor((options.nowMs ?? Date.now()) / 1_000);
  let system: NatsConnection | undefined;
  try {
    system = await connect({ ...systemLogin(options), maxReconnectAttempts: 0, reconnect: false });
    await pushUntilKept(system, options, nowSeconds);
  } catch (cause) {
    if (cause instanceof NatsAdminError) throw cause;
    throw new NatsAdminError("NATS could not be told of a revoked agent", { cause });
  } finally {
    await system?.close();
  }
}

function systemLogin({ urls, keys, tls }: RevokeOptions) {
  return natsOptions({
    urls,
    jwt: () => keys.systemUserJwt,
    nkeySeed: keys.systemUserSeed,
    inboxPrefix: "_INBOX.system",
    name: "windrow revoke",
    ...(tls === undefined ? {} : { tls }),
  });
}

/**
 * NATS has no compare-and-set for accounts: of two controllers that revoke at once, the later push may undo the earlier
 * one. So a push counts only when it is still there a moment later, longer than a look and a push take.
 */
async function pushUntilKept(system: NatsConnection, options: RevokeOptions, nowSeconds: number): Promise<void> {
  for (let tryNo = 1; tryNo <= NATS_REVOKE_TRIES_MAX; tryNo++) {
    const current = await lookUpAccount(system, options.keys);
    if ((current.revocations[options.userPublicKey] ?? 0) >= nowSeconds) return;
    await pushAccount(system, await withRevocation(current, options, nowSeconds));
    await delay(NATS_REVOKE_SETTLE_MS * (1 + Math.random()));
  }
  throw new NatsAdminError("NATS does not keep the revocation");
}

interface CurrentAccount {
  readonly name: string;
  readonly account: Partial<Account>;
  readonly revocations: { readonly [userPublicKey: string]: number };
}

async function lookUpAccount(system: NatsConnection, keys: NatsKeys): Promise<CurrentAccount> {
  const reply = await system.request(`$SYS.REQ.ACCOUNT.${keys.accountPublicKey}.CLAIMS.LOOKUP`, undefined, {
    timeout: NATS_ADMIN_TIMEOUT_MS,
  });
  const jwt = new TextDecoder().decode(reply.data) || keys.accountJwt;
  const claims = decode<Account>(jwt);
  return { name: claims.name, account: claims.nats, revocations: claims.nats.revocations ?? {} };
}

async function withRevocation(current: CurrentAccount, options: RevokeOptions, nowSeconds: number): Promise<string> {
  // A credential that was revoked longer ago than any may live is over by itself; the list must not grow for ever.
  const oldest = nowSeconds - 2 * NATS_USER_LIFE_SECONDS_MAX;
  const kept = Object.entries(current.revocations).filter(([, seconds]) => seconds >= oldest);
  const revocations = { ...Object.fromEntries(kept), [options.userPublicKey]: nowSeconds };
  return encodeAccount(
    current.name,
    fromPublic(options.keys.accountPublicKey),
    { ...current.account, revocations },
    { signer: fromSeed(new TextEncoder().encode(options.keys.operatorSeed)) },
  );
}

async function pushAccount(system: NatsConnection, jwt: string): Promise<void> {
  const reply = await system.request("$SYS.REQ.CLAIMS.UPDATE", jwt, { timeout: NATS_ADMIN_TIMEOUT_MS });
  const answer = reply.json<unknown>();
  const isTaken = typeof answer === "object" && answer !== null && !("error" in answer);
  if (!isTaken) throw new NatsAdminError(`NATS refused the account with the revocation: ${reply.string()}`);
}
