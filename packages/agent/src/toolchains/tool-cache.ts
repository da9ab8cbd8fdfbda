import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  /** Lends an empty folder for the time of the work. */
  withScratch<T>(work: (dir: string) => Promise<T>): Promise<T>;
}

/** `x64`, `arm64`: as in the names of folders. */
export const TOOL_ARCH: string = arch();

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,60}$/;

export function createToolCache(options: {
  readonly dir: string;
  readonly readOnlyDirs?: readonly string[];
}): ToolCache {
  const { dir, readOnlyDirs = [] } = options;
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
      writeFileSync(`${whole}.complete`, "");
    });
    return whole;
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
    withScratch,
  };
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
