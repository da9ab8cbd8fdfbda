import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeAgentKey } from "@windrow/certificates";
import { createUserNkey, type UserNkey } from "@windrow/wire";
import { ConfigError } from "./config-error.ts";
import { readSecret, writeSecret } from "./secret-file.ts";

/** The agent's own keys: made here before it joins, and never sent anywhere. */
export interface AgentKeys {
  /** Of its certificate: P-256, PEM. */
  readonly certificateKey: string;
  readonly nats: UserNkey;
}

const certificateKeyFile = (agentDir: string): string => join(agentDir, "agent-key.pem");
const natsKeyFile = (agentDir: string): string => join(agentDir, "nats-key.json");

/** The keys in the folder, made at the first time: an agent that was killed while it joined asks again as the same one. */
export function loadOrMakeKeys(agentDir: string): AgentKeys {
  let certificateKey = readSecret(certificateKeyFile(agentDir));
  if (certificateKey === undefined) {
    certificateKey = makeAgentKey();
    writeSecret(certificateKeyFile(agentDir), certificateKey);
  }
  return { certificateKey, nats: loadOrMakeNatsKey(natsKeyFile(agentDir)) };
}

/** A new join that is not the repetition of one begins with new keys: the old ones are known to the farm already. */
export function discardKeys(agentDir: string): void {
  for (const file of [certificateKeyFile(agentDir), natsKeyFile(agentDir)]) rmSync(file, { force: true });
}

function loadOrMakeNatsKey(path: string): UserNkey {
  const text = readSecret(path);
  if (text !== undefined) return parse(path, text);
  const { publicKey, seed } = createUserNkey();
  writeSecret(path, `${JSON.stringify({ publicKey, seed }, undefined, 2)}\n`);
  return { publicKey, seed };
}

function parse(path: string, text: string): UserNkey {
  try {
    const known: { publicKey?: unknown; seed?: unknown } = JSON.parse(text);
    const { publicKey, seed } = known;
    if (typeof publicKey === "string" && typeof seed === "string") return { publicKey, seed };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ConfigError(`${path} is damaged: remove the agent's folder and join again with a new token`);
}
