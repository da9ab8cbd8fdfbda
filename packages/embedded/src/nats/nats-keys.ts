import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  type AccountLimits,
  encodeAccount,
  encodeOperator,
  encodeUser,
  type NatsLimits,
  newScopedSigner,
} from "@nats-io/jwt";
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys";
import { hasCode } from "@windrow/service";
import { EmbeddedError } from "../embedded-error.ts";

/**
 * Every key of the farm's NATS, made once per data folder. Whoever holds this file is the farm: it is written with mode
 * 600 and its path, never its content, is handed to the controller.
 */
export interface NatsKeys {
  /** Name of the server, to tell it from any other that answers on the port. */
  readonly serverName: string;
  readonly operatorJwt: string;
  /** Signs account JWTs: a new account JWT is how an agent's user is revoked. */
  readonly operatorSeed: string;
  readonly accountPublicKey: string;
  readonly accountJwt: string;
  readonly accountSeed: string;
  /** Signs agents' users; the account limits what such a user may do by a template over the user's name. */
  readonly agentSigningSeed: string;
  readonly systemAccountPublicKey: string;
  readonly systemAccountJwt: string;
  /** Full rights in the farm's account. */
  readonly controllerUserJwt: string;
  readonly controllerUserSeed: string;
  /** For `$SYS.REQ.CLAIMS.UPDATE`. */
  readonly systemUserJwt: string;
  readonly systemUserSeed: string;
}

const KEY_NAMES = [
  "serverName",
  "operatorJwt",
  "operatorSeed",
  "accountPublicKey",
  "accountJwt",
  "accountSeed",
  "agentSigningSeed",
  "systemAccountPublicKey",
  "systemAccountJwt",
  "controllerUserJwt",
  "controllerUserSeed",
  "systemUserJwt",
  "systemUserSeed",
] as const satisfies readonly (keyof NatsKeys)[];

/** Without explicit limits an account JWT carries zeros, and a zero means none allowed. */
const NO_LIMITS: NatsLimits & AccountLimits = {
  data: -1,
  payload: -1,
  subs: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: 0,
  disallow_bearer: true,
};

/** Offers and cancels are small; plans and logs travel over gRPC. */
const AGENT_PAYLOAD_BYTES_MAX = 65_536;
const AGENT_SUBSCRIPTIONS_MAX = 32;
const AGENT_REPLY_WITHIN_NS = 5_000_000_000;

/** Reads the keys of a data folder, or makes them when it has none. Throws `state_damaged` for a file that is not whole. */
export async function ensureNatsKeys(path: string): Promise<NatsKeys> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    const keys = await makeKeys();
    writeFileSync(`${path}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
    chmodSync(`${path}.new`, 0o600);
    renameSync(`${path}.new`, path);
    return keys;
  }
  return decodeNatsKeys(text, path);
}

/** Checks the text of a keys file; `path` is named in the error. */
export function decodeNatsKeys(text: string, path: string): NatsKeys {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, "it is not JSON", cause);
  }
  if (!isKeys(found)) throw damaged(path, "a key is missing", undefined);
  return found;
}

function isKeys(value: unknown): value is NatsKeys {
  if (typeof value !== "object" || value === null) return false;
  const entries = new Map(Object.entries(value));
  return KEY_NAMES.every((name) => typeof entries.get(name) === "string");
}

function damaged(path: string, why: string, cause: unknown): EmbeddedError {
  const message = `The NATS keys in ${path} cannot be used, ${why}: restore the file, or remove it, after which every agent must join again.`;
  return new EmbeddedError("state_damaged", message, { cause });
}

async function makeKeys(): Promise<NatsKeys> {
  const operator = createOperator();
  const account = createAccount();
  const agentSigner = createAccount();
  const systemAccount = createAccount();
  const controllerUser = createUser();
  const systemUser = createUser();
  const systemAccountPublicKey = systemAccount.getPublicKey();
  const accountPublicKey = account.getPublicKey();
  return {
    serverName: `windrow-${accountPublicKey.slice(1, 13).toLowerCase()}`,
    operatorJwt: await encodeOperator("windrow", operator, { system_account: systemAccountPublicKey }),
    operatorSeed: seedOf(operator),
    accountPublicKey,
    accountJwt: await encodeAccount(
      "farm",
      account,
      { limits: NO_LIMITS, signing_keys: [newScopedSigner(agentSigner, "agent", agentTemplate())] },
      { signer: operator },
    ),
    accountSeed: seedOf(account),
    agentSigningSeed: seedOf(agentSigner),
    systemAccountPublicKey,
    systemAccountJwt: await encodeAccount("system", systemAccount, { limits: NO_LIMITS }, { signer: operator }),
    controllerUserJwt: await encodeUser("controller", controllerUser, account, {}),
    controllerUserSeed: seedOf(controllerUser),
    systemUserJwt: await encodeUser("system", systemUser, systemAccount, {}),
    systemUserSeed: seedOf(systemUser),
  };
}

/** What an agent's user may do: template variables work only as whole subject tokens. */
function agentTemplate() {
  return {
    pub: { allow: ["wr.agent.{{name()}}.up.>", "_INBOX.{{name()}}.>"], deny: [] },
    sub: { allow: ["wr.agent.{{name()}}.>", "_INBOX.{{name()}}.>"], deny: [] },
    resp: { max: 1, ttl: AGENT_REPLY_WITHIN_NS },
    subs: AGENT_SUBSCRIPTIONS_MAX,
    data: -1,
    payload: AGENT_PAYLOAD_BYTES_MAX,
    bearer_token: false,
    allowed_connection_types: ["STANDARD" as const],
  };
}

function seedOf(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed());
}
