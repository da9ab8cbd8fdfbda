import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";

const CURVE = "prime256v1";
/** SPKI, DER, of a point of the curve in its uncompressed form, up to the point itself. */
const REGISTERED_HEAD = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
const REGISTERED_BYTES = REGISTERED_HEAD.length + 64;

/** A new P-256 key as PEM (PKCS#8): made by the agent itself, and never sent anywhere. */
export function makeAgentKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: CURVE });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The public half (SPKI, DER) of a private key (PEM), in the one form in which it is registered and compared. */
export function publicKeyOf(privateKeyPem: string): Buffer {
  return toRegistered(createPublicKey(createPrivateKey(privateKeyPem)));
}

/** SPKI, DER, in the one form in which keys are registered and compared. Throws CertificateError for any other kind of key. */
export function readPublicKey(spki: Uint8Array): Buffer {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new CertificateError("this is not a public key", { cause });
  }
  return toRegistered(key);
}

/** A point can be written in several ways; by way of its coordinates there is one. */
export function toRegistered(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== CURVE) {
    throw new CertificateError("an agent's key must be one of the curve P-256");
  }
  const spki = key.export({ type: "spki", format: "der" });
  // nearly always: the long way costs a session more than the handshake
  if (spki.length === REGISTERED_BYTES && spki.subarray(0, REGISTERED_HEAD.length).equals(REGISTERED_HEAD)) return spki;
  const jwk = key.export({ format: "jwk" });
  return createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
}
