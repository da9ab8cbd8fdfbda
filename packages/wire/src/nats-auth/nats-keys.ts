import { readFile } from "node:fs/promises";

/**
 * The keys of the farm's NATS as they stand in the keys file that `packages/embedded` writes (mode 600), or that an
 * operator of a cluster writes by hand. Seeds are secrets: they are never logged or sent.
 */
export interface NatsKeys {
  readonly operatorJwt: string;
  /** Signs account JWTs: a new account JWT is how an agent's user is revoked. */
  readonly operatorSeed: string;
  readonly accountPublicKey: string;
  /** As first made; the server's resolver may hold a newer one. */
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

/** Thrown when the keys file is not JSON or lacks a key; the message names file and key, never a value. */
export class NatsKeysError extends Error {
  readonly code = "nats_keys";

  constructor(path: string, problem: string, options: { cause?: unknown } = {}) {
    super(`the NATS keys in ${path} cannot be used: ${problem}`, options);
    this.name = "NatsKeysError";
  }
}

/** Reads and checks a keys file. */
export async function readNatsKeys(path: string): Promise<NatsKeys> {
  const text = await readFile(path, "utf8");
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // The parser's message quotes the text around the mistake, which may be a seed.
    throw new NatsKeysError(path, "it is not JSON");
  }
  const entries = new Map<string, unknown>(typeof found === "object" && found !== null ? Object.entries(found) : []);
  const key = (name: keyof NatsKeys): string => {
    const value = entries.get(name);
    if (typeof value !== "string" || value === "") throw new NatsKeysError(path, `${name} is missing`);
    return value;
  };
  return {
    operatorJwt: key("operatorJwt"),
    operatorSeed: key("operatorSeed"),
    accountPublicKey: key("accountPublicKey"),
    accountJwt: key("accountJwt"),
    accountSeed: key("accountSeed"),
    agentSigningSeed: key("agentSigningSeed"),
    systemAccountPublicKey: key("systemAccountPublicKey"),
    systemAccountJwt: key("systemAccountJwt"),
    controllerUserJwt: key("controllerUserJwt"),
    controllerUserSeed: key("controllerUserSeed"),
    systemUserJwt: key("systemUserJwt"),
    systemUserSeed: key("systemUserSeed"),
  };
}
