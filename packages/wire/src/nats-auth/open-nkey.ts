import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { fromSeed, type KeyPair } from "@nats-io/nkeys";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Two bytes that say what the seed is for, the seed, two bytes of checksum. */
const PREFIX_BYTES = 2;
const SEED_BYTES = 32;
/** PKCS #8 of an Ed25519 key up to the seed itself. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * A key pair that signs with the machine's own Ed25519. The library's is written in JavaScript and makes the pair anew in
 * every call: 12 ms for one credential, so that a controller could welcome 50 agents a second; this one takes 0.2 ms.
 * Throws NKeysError for what is no seed.
 */
export function openNkey(seed: string): KeyPair {
  const pair = fromSeed(new TextEncoder().encode(seed));
  const publicKey = pair.getPublicKey();
  const privateKey = pair.getPrivateKey();
  const key = toKey(seed);
  return {
    getPublicKey: () => publicKey,
    getPrivateKey: () => privateKey,
    getSeed: () => pair.getSeed(),
    sign: (data) => sign(null, data, key),
    verify: (data, signature) => pair.verify(data, signature),
    seal: (data, recipient) => pair.seal(data, recipient),
    open: (data, sender) => pair.open(data, sender),
    clear: () => pair.clear(),
  };
}

function toKey(seed: string): KeyObject {
  const raw = decodeBase32(seed).subarray(PREFIX_BYTES, PREFIX_BYTES + SEED_BYTES);
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, raw]), format: "der", type: "pkcs8" });
}

/** The library has checked the text already. */
function decodeBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    value = (value << 5) | ALPHABET.indexOf(letter);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
    value &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}
