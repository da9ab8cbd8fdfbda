import { createUser, fromPublic, NKeysError } from "@nats-io/nkeys";

/** A key pair of a NATS user, made by the agent itself: only `publicKey` ever leaves the machine. */
export interface UserNkey {
  readonly publicKey: string;
  readonly seed: string;
}

export function createUserNkey(): UserNkey {
  const pair = createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

/** True for the public key of a user (checksum included): what a joining agent must present. */
export function isUserPublicKey(text: string): boolean {
  if (!/^U[A-Z2-7]{55}$/.test(text)) return false;
  try {
    fromPublic(text);
    return true;
  } catch (error) {
    if (error instanceof NKeysError) return false;
    throw error;
  }
}
