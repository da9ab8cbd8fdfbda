import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { workOnce } from "../actions/work-once.ts";

/** One version of a tool that is ready to run. */
export interface CachedTool {
  readonly version: string;
  readonly dir: string;
}

/**
 * Tools by version, laid out TOOL/VERSION/ARCH with an empty file ARCH.complete beside each, as on machines that come with
 * such a folder. The first folder is the agent's own; the others are only read.
 */
export interface ToolCache {
  list(tool: string): CachedTool[];
  /** Gives `make` an empty folder to fill, once however many ask, and answers where it stands when it is whole. */
  add(tool: string, version: string, make: (dir: string) => Promise<void>): Promise<string>;
  /** Notes that the tool whose folder this path is in is used now. */
  noteUse(path: string): void;
  /** Lends an empty folder for the time of the work. */
  withScratch<T>(work: (dir: string) => Promise<T>): Promise<T>;
}

/** The agent's side of it: whose attempts use what, and how much there is. */
export interface AgentToolCache extends ToolCache {
  /**
   * The cache as one attempt has it: what it notes or adds stays while its folder stands. `attemptDir` is where the attempt
   * keeps what is the agent's.
   */
  forAttempt(attemptDir: string): ToolCache;
  bytes(): Promise<number>;
  /** Drops what was used longest ago until at most so many bytes are left; nothing that an attempt uses. */
  drop(bytesMax: number): Promise<{ readonly droppedCount: number; readonly bytes: number }>;
}

/** All tools that were fetched, together; those used longest ago go first. */
export const TOOL_CACHE_BYTES_MAX = 10 * 1024 * 1024 * 1024;

/** In an attempt's folder: one empty file for each tool it uses. */
const USES = "tools";

/** `x64`, `arm64`: as in the names of folders. */
export const TOOL_ARCH: string = arch();

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,60}$/;

export function createToolCache(options: {
  readonly dir: string;
  readonly readOnlyDirs?: readonly string[];
  /** One folder per attempt. */
  readonly workRootDir?: string;
  readonly bytesMax?: number;
  readonly nowMs: () => number;
}): AgentToolCache {
  const { dir, readOnlyDirs = [], workRootDir, bytesMax = TOOL_CACHE_BYTES_MAX, nowMs } = options;
  const adding = new Map<string, Promise<string>>();
  let draftNo = 0;

  function listIn(root: string, tool: string): CachedTool[] {
    return namesIn(join(root, tool)).flatMap((version) => {
      const found = join(root, tool, version, TOOL_ARCH);
      return VERSION.test(version) && existsSync(`${found}.complete`) ? [{ version, dir: found }] : [];
    });
  }

  async function addNow(tool: string, version: string, make: (dir: string) => Promise<void>): Promise<string> {
    const home = join(dir, tool, version);
    const whole = join(home, TOOL_ARCH);
    if (existsSync(`${whole}.complete`)) return whole;
    await withScratch(async (draft) => {
      await make(draft);
      makeOpenFolder(join(dir, tool));
      makeOpenFolder(home);
      rmSync(whole, { recursive: true, force: true });
      renameSync(draft, whole);
      writeFileSync(`${whole}.complete`, String(await countBytes(whole)));
    });
    noteUse(whole);
    await drop(bytesMax);
    return whole;
  }

  function noteUse(path: string): void {
    const found = placeOf(path);
    if (found === undefined) return;
    const note = join(dir, found.tool, found.version, `${found.arch}.complete`);
    const seconds = nowMs() / 1_000;
    if (existsSync(note)) utimesSync(note, seconds, seconds);
  }

  function placeOf(path: string): { tool: string; version: string; arch: string } | undefined {
    if (!path.startsWith(`${dir}/`)) return undefined;
    const [tool = "", version = "", arch = ""] = path.slice(dir.length + 1).split("/");
    return { tool, version, arch };
  }

  const kept = () => namesIn(dir).flatMap((tool) => listIn(dir, tool).map((found) => ({ tool, ...look(found) })));

  async function drop(most: number): Promise<{ droppedCount: number; bytes: number }> {
    const tools = kept().sort((a, b) => a.usedAtMs - b.usedAtMs);
    let total = tools.reduce((sum, tool) => sum + tool.bytesCount, 0);
    const dropped = { droppedCount: 0, bytes: 0 };
    for (const { tool, version, bytesCount } of tools) {
      if (total <= most) break;
      const gone = putAside(tool, version);
      if (gone === undefined) continue;
      total -= bytesCount;
      dropped.droppedCount++;
      dropped.bytes += bytesCount;
      await rm(gone, { recursive: true, force: true });
    }
    return dropped;
  }

  /**
   * Answers where it is now; undefined when it stays, or somebody else dropped it. In one turn with the look whether an
   * attempt uses it, and out of the way at once: the same version may be added again before all of it is gone.
   */
  function putAside(tool: string, version: string): string | undefined {
    const isUsed =
      workRootDir !== undefined &&
      namesIn(workRootDir).some((attempt) => existsSync(join(workRootDir, attempt, USES, markOf(tool, version))));
    if (isUsed || adding.has(`${tool}/${version}`) || !existsSync(join(dir, tool, version))) return undefined;
    const gone = join(dir, `.gone-${process.pid}-${++draftNo}`);
    renameSync(join(dir, tool, version), gone);
    return gone;
  }

  async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const scratch = join(dir, `.new-${process.pid}-${++draftNo}`);
    try {
      makeOpenFolder(scratch);
      return await work(scratch);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  const cache: ToolCache = {
    list: (tool) => [dir, ...readOnlyDirs].flatMap((root) => listIn(root, tool)),
    add(tool, version, make) {
      const key = `${tool}/${version}`;
      if (!VERSION.test(version)) throw new Error(`'${version}' is not a version`);
      return workOnce(adding, key, () => addNow(tool, version, make));
    },
    noteUse,
    withScratch,
  };

  function mark(attemptDir: string, tool: string, version: string): void {
    mkdirSync(join(attemptDir, USES), { recursive: true, mode: 0o700 });
    writeFileSync(join(attemptDir, USES, markOf(tool, version)), "", { mode: 0o600 });
  }

  return {
    ...cache,
    forAttempt: (attemptDir) => ({
      ...cache,
      add(tool, version, make) {
        // before the look: from here on it is not dropped
        if (VERSION.test(version)) mark(attemptDir, tool, version);
        return cache.add(tool, version, make);
      },
      noteUse(path) {
        const found = placeOf(path);
        if (found !== undefined) mark(attemptDir, found.tool, found.version);
        noteUse(path);
      },
    }),
    bytes: async () => kept().reduce((sum, tool) => sum + tool.bytesCount, 0),
    drop,
  };
}

const markOf = (tool: string, version: string): string => `${tool}@${version}`;

function look({ version, dir: folder }: CachedTool) {
  const note = `${folder}.complete`;
  return { version, bytesCount: Number(readFileSync(note, "utf8")) || 0, usedAtMs: statSync(note).mtimeMs };
}

async function countBytes(folder: string): Promise<number> {
  let bytesCount = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytesCount += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytesCount;
}

/** A folder that every job can read, whatever the process's umask; one that is there already is fine. */
export function makeOpenFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

/** Makes the folder, and removes what a process before this one did not finish. */
export function prepareToolCache(dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const name of readdirSync(dir)) {
    if (name.startsWith(".")) rmSync(join(dir, name), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
