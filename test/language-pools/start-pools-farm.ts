import { chmodSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Agent } from "@windrow/contract";
import { Farm } from "../kit/farm.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { runClient, SourceError } from "../real-workflows/run-client.ts";
import type { LanguageCase } from "./language-cases.ts";

/** How this machine reaches its registries, which agents and their jobs need too. */
const MACHINE_VARIABLES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
];

/** A farm with one agent per language, each joined with a token of that language's pool. */
export async function startPoolsFarm(cases: readonly LanguageCase[]): Promise<Farm> {
  const passed = MACHINE_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const tools = await shareRust();
  const path = [...tools, process.env.PATH ?? ""].join(delimiter);
  const agentEnv = { ...Object.fromEntries(passed), PATH: path };
  const farm = await Farm.start({ agents: 0, logLevel: "info", agentEnv });
  try {
    await Promise.all(cases.map(({ language }) => farm.startAgent({ name: `${language}-1`, pool: language })));
    return farm;
  } catch (error) {
    await farm.stop();
    throw error;
  }
}

/** Why the machine cannot build a language; undefined when it can. The agent says what it has. */
export async function findLack(farm: Farm, { language, needs }: LanguageCase): Promise<string | undefined> {
  const agent = await farm.api<Agent>("GET", `/api/v1/agents/${language}-1`);
  if (!agent.toolchains.some(({ name }) => name === language)) {
    return `this machine has no ${language} that jobs can run`;
  }
  if (needs === undefined) return undefined;
  const [program = "", ...args] = needs;
  try {
    await runClient(program, args);
    return undefined;
  } catch (error) {
    if (error instanceof SourceError) return `this machine has no ${program}`;
    throw error;
  }
}

/**
 * rustup keeps Rust in a home that jobs of other users cannot look into. Where that is so, what the present toolchain
 * consists of is linked into a folder that they can; the folders to put before PATH.
 */
async function shareRust(): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  let root: string;
  try {
    root = (await runClient("rustc", ["--print", "sysroot"])).trim();
  } catch (error) {
    if (error instanceof SourceError) return [];
    throw error;
  }
  if (!root.startsWith("/root/")) return [];
  const shared = createTemporaryFolder("windrow-rust-");
  chmodSync(shared, 0o755);
  for (const part of ["bin", "lib"])
    await runClient("cp", ["-a", "--reflink=auto", ...linked(root, shared), join(root, part), shared]);
  return [join(shared, "bin")];
}

/** Links are made in a moment, where both folders are on one disk. */
function linked(from: string, to: string): string[] {
  return statSync(from).dev === statSync(to).dev ? ["--link"] : [];
}
