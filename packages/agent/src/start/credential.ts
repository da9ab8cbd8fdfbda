import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { AgentId } from "@windrow/model";
import { asAgentId } from "@windrow/model";
import { hasCode } from "@windrow/service";
import { createUserNkey, type UserNkey } from "@windrow/wire";
import { ConfigError } from "./config-error.ts";

/** What joining left behind: the agent is nobody without it. */
export interface Credential {
  readonly agentId: AgentId;
  readonly name: string;
  readonly credential: string;
  /** One or several with commas. */
  readonly grpcAddress: string;
  /** Where it joined. */
  readonly controllerUrl: string;
}

/** The agent's own NATS key pair, made here before it joins and never sent anywhere. */
export function loadOrMakeNatsKey(agentDir: string): UserNkey {
  const path = join(agentDir, "nats-key.json");
  const known = readJson(path);
  const publicKey = text(known, "publicKey");
  const seed = text(known, "seed");
  if (publicKey !== undefined && seed !== undefined) return { publicKey, seed };
  const made = createUserNkey();
  writeSecret(path, { publicKey: made.publicKey, seed: made.seed });
  return made;
}

/** Undefined before the first join. Throws `ConfigError` for a file that is damaged. */
export function loadCredential(agentDir: string): Credential | undefined {
  const path = join(agentDir, "credential.json");
  const stored = readJson(path);
  if (stored === undefined) return undefined;
  const agentId = text(stored, "agentId");
  const name = text(stored, "name");
  const credential = text(stored, "credential");
  const grpcAddress = text(stored, "grpcAddress");
  const controllerUrl = text(stored, "controllerUrl");
  if (agentId === undefined || name === undefined || credential === undefined) throw damaged(path);
  if (grpcAddress === undefined || controllerUrl === undefined) throw damaged(path);
  return { agentId: asAgentId(agentId), name, credential, grpcAddress, controllerUrl };
}

export function storeCredential(agentDir: string, credential: Credential): void {
  writeSecret(join(agentDir, "credential.json"), credential);
}

function damaged(path: string): ConfigError {
  return new ConfigError(`${path} is damaged: remove it and join again with a new token`);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(path);
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function text(value: unknown, key: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found: unknown = Reflect.get(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** Whole or not at all, and on the disk before it counts. */
function writeSecret(path: string, value: object): void {
  const fresh = openSync(`${path}.new`, "w", 0o600);
  writeSync(fresh, `${JSON.stringify(value, undefined, 2)}\n`);
  fsyncSync(fresh);
  closeSync(fresh);
  renameSync(`${path}.new`, path);
}
