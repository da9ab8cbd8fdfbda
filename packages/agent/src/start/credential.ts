import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AgentId } from "@windrow/model";
import { asAgentId } from "@windrow/model";
import { SLOTS_MAX } from "../config.ts";
import { ConfigError } from "./config-error.ts";
import { readSecret, writeSecret } from "./secret-file.ts";

/** What joining left behind: the agent is nobody without it. */
export interface Credential {
  readonly agentId: AgentId;
  readonly name: string;
  /** Of the agent, PEM; another one after each renewal. */
  readonly certificate: string;
  /** PEM of the farm's authority. */
  readonly authority: string;
  /** One or several with commas. */
  readonly grpcAddress: string;
  /** Jobs at the same time where nothing else is said, as its pool said at joining. */
  readonly slotsCount: number;
  /** Where it joined. */
  readonly controllerUrl: string;
}

/** A folder of a version that knew no certificates; it has to join again. */
export const OUTDATED = "outdated";

const fileOf = (agentDir: string): string => join(agentDir, "credential.json");

/** Undefined before the first join. Throws `ConfigError` for a file that is damaged. */
export function loadCredential(agentDir: string): Credential | typeof OUTDATED | undefined {
  const path = fileOf(agentDir);
  const text = readSecret(path);
  if (text === undefined) return undefined;
  const stored = parse(path, text);
  const read = (key: keyof Credential): string => {
    const found: unknown = Reflect.get(stored, key);
    if (typeof found === "string" && found !== "") return found;
    throw damaged(path);
  };
  if ("credential" in stored && !("certificate" in stored)) return OUTDATED;
  return {
    agentId: asAgentId(read("agentId")),
    name: read("name"),
    certificate: read("certificate"),
    authority: read("authority"),
    grpcAddress: read("grpcAddress"),
    slotsCount: readSlots(Reflect.get(stored, "slotsCount")),
    controllerUrl: read("controllerUrl"),
  };
}

/** One where nothing, or nothing that an agent can have, is said. */
export function readSlots(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 ? Math.min(value, SLOTS_MAX) : 1;
}

export function storeCredential(agentDir: string, credential: Credential): void {
  writeSecret(fileOf(agentDir), `${JSON.stringify(credential, undefined, 2)}\n`);
}

/** The agent is nobody from now on. */
export function discardCredential(agentDir: string): void {
  rmSync(fileOf(agentDir), { force: true });
}

function parse(path: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(path);
}

function damaged(path: string): ConfigError {
  return new ConfigError(`${path} is damaged: remove the agent's folder and join again with a new token`);
}
