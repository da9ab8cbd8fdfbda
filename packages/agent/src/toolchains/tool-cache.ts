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
import { dirname, join } from "node:path";
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
  /** Notes that a job uses the tool whose folder this path is in: for a day it is not dropped. */
  noteUse(path: string): void;
  /** Lends an empty folder for the time of the work. */
  withScratch<T>(work: (dir: string) => Promise<T>): Promise<T>;
}

/** All tools that were fetched, together; those used longest ago go first. */
export const TOOL_CACHE_BYTES_MAX = 10 * 1024 * 1024 * 1024;
/** Nobody knows when a job is done with a tool; so long after its last setup it is. */
export const TOOL_USE_MS = 24 * 3_600_000;

/** `x64`, `arm64`: as in the names of folders. */
export const TOOL_ARCH: string = arch();

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,60}$/;

export function createToolCache(options: {
  readonly dir: string;
  readonly readOnlyDirs?: readonly string[];
  readonly bytesMax?: number;
  readonly nowMs: () => number;
}): ToolCache {
  const { dir, readOnlyDirs = [], bytesMax = TOOL_CACHE_BYTES_MAX, nowMs } = options;
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
    await dropOldest();
    return whole;
  }

  function noteUse(path: string): void {
    if (!path.startsWith(`${dir}/`)) return;
    const [tool = "", version = "", arch = ""] = path.slice(dir.length + 1).split("/");
    const note = join(dir, tool, version, `${arch}.complete`);
    const seconds = nowMs() / 1_000;
    if (existsSync(note)) utimesSync(note, seconds, seconds);
  }

  async function dropOldest(): Promise<void> {
    const kept = namesIn(dir).flatMap((tool) => listIn(dir, tool).map(look));
    let total = kept.reduce((sum, tool) => sum + tool.bytesCount, 0);
    for (const { folder, bytesCount, usedAtMs } of kept.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (total <= bytesMax || nowMs() - usedAtMs < TOOL_USE_MS) return;
      // somebody else dropped it while the one before was removed
      if (!existsSync(folder)) continue;
      // out of the way at once: the same version may be added again before all of it is gone
      const gone = join(dir, `.gone-${process.pid}-${++draftNo}`);
      renameSync(dirname(folder), gone);
      total -= bytesCount;
      await rm(gone, { recursive: true, force: true });
    }
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

  return {
    list: (tool) => [dir, ...readOnlyDirs].flatMap((root) => listIn(root, tool)),
    add(tool, version, make) {
      const key = `${tool}/${version}`;
      if (!VERSION.test(version)) throw new Error(`'${version}' is not a version`);
      return workOnce(adding, key, () => addNow(tool, version, make));
    },
    noteUse,
    withScratch,
  };
}

function look({ dir: folder }: CachedTool) {
  const note = `${folder}.complete`;
  return { folder, bytesCount: Number(readFileSync(note, "utf8")) || 0, usedAtMs: statSync(note).mtimeMs };
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
