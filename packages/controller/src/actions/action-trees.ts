import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, hasCode } from "@windrow/service";
import type { GitEnvironment } from "../git/git-environment.ts";
import { runLimitedGit } from "./limited-git.ts";

/** One action's tree may have so much. */
export const TREE_BYTES_MAX = 512 * 1024 * 1024;
/** All trees that are kept together; those asked for longest ago go first. */
export const TREES_BYTES_MAX = 4 * 1024 * 1024 * 1024;
const ARCHIVE_TIMEOUT_MS = 120_000;
const DRAFT_AGE_MS_MAX = 3_600_000;

/** Tar files of actions' trees by commit, in a folder that controllers of a farm share. */
export interface ActionTrees {
  /** For repositories that go again; below the same folder. */
  readonly scratchDir: string;
  has(sha: string): Promise<boolean>;
  /** Makes the tar file of a commit of this repository. Throws when the tree is too large. */
  put(sha: string, gitDir: string): Promise<void>;
  /** A piece of the file; undefined when it is not there. */
  read(sha: string, offset: number, bytesMax: number): Promise<TreePiece | undefined>;
}

export interface TreePiece {
  readonly data: Buffer;
  readonly totalBytes: number;
}

export interface ActionTreesOptions {
  readonly dir: string;
  readonly environment: GitEnvironment;
  readonly clock: Clock;
  readonly treeBytesMax?: number;
  readonly treesBytesMax?: number;
}

/** Thrown for a tree that is larger than TREE_BYTES_MAX, or that git cannot pack. */
export class ActionTreeError extends Error {
  readonly code = "action_tree";

  constructor(message: string) {
    super(message);
    this.name = "ActionTreeError";
  }
}

export async function openActionTrees(options: ActionTreesOptions): Promise<ActionTrees> {
  const { environment, clock, treeBytesMax = TREE_BYTES_MAX, treesBytesMax = TREES_BYTES_MAX } = options;
  const treesDir = join(options.dir, "trees");
  const scratchDir = join(options.dir, "scratch");
  for (const dir of [treesDir, scratchDir]) await mkdir(dir, { recursive: true, mode: 0o700 });
  await removeOldDrafts();

  const pathOf = (sha: string): string => join(treesDir, `${sha}.tar`);

  async function removeOldDrafts(): Promise<void> {
    for (const name of await readdir(scratchDir)) {
      const path = join(scratchDir, name);
      const found = await statOf(path);
      if (found !== undefined && clock.nowMs() - found.mtimeMs > DRAFT_AGE_MS_MAX) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }

  async function put(sha: string, gitDir: string): Promise<void> {
    // controllers in containers share their numbers
    const draft = join(scratchDir, `${sha}.${randomUUID()}`);
    try {
      let size = 0;
      const bounded = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          size += chunk.length;
          if (size <= treeBytesMax) done(null, chunk);
          else done(new ActionTreeError(`its files have more than ${treeBytesMax} bytes together`));
        },
      });
      const end = await runLimitedGit({
        environment,
        gitDir,
        argv: ["archive", "--format=tar", sha],
        timeoutMs: ARCHIVE_TIMEOUT_MS,
        fileBytesMax: treeBytesMax,
        onOutput: (output) => pipeline(output, bounded, createWriteStream(draft, { mode: 0o600, flush: true })),
      });
      if (end.kind !== "done") throw new ActionTreeError("git could not pack its files");
      await rename(draft, pathOf(sha));
    } finally {
      await rm(draft, { force: true });
    }
    await dropOldest(sha);
  }

  async function dropOldest(keepSha: string): Promise<void> {
    const files = [];
    for (const name of await readdir(treesDir)) {
      const path = join(treesDir, name);
      const found = await statOf(path);
      if (found !== undefined) files.push({ path, size: found.size, usedAtMs: found.mtimeMs });
    }
    let total = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (total <= treesBytesMax) return;
      if (file.path === pathOf(keepSha)) continue;
      await rm(file.path, { force: true });
      total -= file.size;
    }
  }

  return {
    scratchDir,
    put,
    has: async (sha) => (await statOf(pathOf(sha))) !== undefined,
    async read(sha, offset, bytesMax) {
      const file = await open(pathOf(sha), "r").catch(ignoreMissing);
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        const data = Buffer.alloc(Math.max(0, Math.min(bytesMax, size - offset)));
        const { bytesRead } = await file.read(data, 0, data.length, offset);
        if (offset === 0) {
          const now = clock.nowMs() / 1_000;
          await utimes(pathOf(sha), now, now).catch(ignoreMissing);
        }
        return { data: data.subarray(0, bytesRead), totalBytes: size };
      } finally {
        await file.close();
      }
    },
  };
}

const statOf = (path: string) => stat(path).catch(ignoreMissing);

function ignoreMissing(error: unknown): undefined {
  if (hasCode(error, "ENOENT")) return undefined;
  throw error;
}
