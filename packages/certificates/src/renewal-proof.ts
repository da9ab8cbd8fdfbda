import { createPublicKey, sign, verify } from "node:crypto";

const textOf = (agentId: string, challenge: string): Buffer => Buffer.from(`windrow-renew-1\n${agentId}\n${challenge}`);

/** An agent's answer to a challenge: a signature with its key (PEM), base64url. */
export function proveKey(privateKeyPem: string, agentId: string, challenge: string): string {
  return sign("sha256", textOf(agentId, challenge), privateKeyPem).toString("base64url");
}

/** Whether the holder of the registered key (SPKI, DER) answered. */
export function isProofGood(options: {
  readonly publicKey: Uint8Array;
  readonly agentId: string;
  readonly challenge: string;
  readonly proof: string;
}): boolean {
  const key = createPublicKey({ key: Buffer.from(options.publicKey), format: "der", type: "spki" });
  const signature = Buffer.from(options.proof, "base64url");
  return verify("sha256", textOf(options.agentId, options.challenge), key, signature);
}
