import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { LAST_WORDS_CHARS_MAX } from "../agent-provider.ts";

/** The folder of one machine, with everything its agent has. */
export interface MachineFiles {
  readonly dir: string;
  readonly recordFile: string;
  readonly tokenFile: string;
  readonly identityFile: string;
  readonly logFile: string;
  readonly agentDir: string;
}

/** Others may pass through, since steps run as users of their own; they see no file but what the agent shows them. */
const FOLDER_MODE = 0o711;

export function machineFiles(root: string, name: string): MachineFiles {
  const dir = join(root, name);
  return {
    dir,
    recordFile: join(dir, "machine.json"),
    tokenFile: join(dir, "join-token"),
    identityFile: join(dir, "process"),
    logFile: join(dir, "agent.log"),
    agentDir: join(dir, "agent"),
  };
}

/** Makes the folder and writes whose machine it is. */
export async function writeRecord(files: MachineFiles, pool: string): Promise<void> {
  await mkdir(files.dir, { recursive: true, mode: FOLDER_MODE });
  await writeSecret(files.recordFile, `${JSON.stringify({ pool })}\n`);
}

/** A file that nobody else reads, there with its whole text or not at all. */
export async function writeSecret(file: string, text: string): Promise<void> {
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, text, { mode: 0o600 });
  await rename(own, file);
}

/** The pool of every machine here, by name. A folder without a record is being made, or being removed. */
export async function readRecords(root: string): Promise<Map<string, string>> {
  const pools = new Map<string, string>();
  for (const entry of await readFolder(root)) {
    if (!entry.isDirectory()) continue;
    const pool = await readPool(machineFiles(root, entry.name));
    if (pool !== undefined) pools.set(entry.name, pool);
  }
  return pools;
}

async function readFolder(root: string) {
  try {
    return await readdir(root, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function readPool({ recordFile }: MachineFiles): Promise<string | undefined> {
  try {
    const record: unknown = JSON.parse(await readFile(recordFile, "utf8"));
    const pool: unknown = typeof record === "object" && record !== null ? Reflect.get(record, "pool") : undefined;
    return typeof pool === "string" ? pool : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The end of the agent's log. */
export async function readLogTail({ logFile }: MachineFiles): Promise<string> {
  try {
    const file = await open(logFile);
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.min(size, LAST_WORDS_CHARS_MAX));
      await file.read(buffer, 0, buffer.length, Math.max(0, size - buffer.length));
      return buffer.toString("utf8").trim();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
