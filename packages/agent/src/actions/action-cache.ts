import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@windrow/service";
import { createTarUnpacker, type TarUnpacker } from "./unpack-tar.ts";
import { workOnce } from "./work-once.ts";

/** Trees that are kept together; those used longest ago go first, but never one that a job uses. */
export const ACTION_CACHE_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/** Trees of actions by commit: whole or not there, the agent's own, readable by every job. */
export interface ActionCache {
  /**
   * The folder of a commit's tree, filled by `fetch` when it is not there yet; many who ask at once fetch once.
   * `attemptDir` is where the attempt keeps what is the agent's: while it stands, the tree stays.
   */
  open(sha: string, attemptDir: string, fetch: FetchTree): Promise<string>;
  bytes(): Promise<number>;
  /** Drops what was used longest ago until at most so many bytes are left; nothing that an attempt uses. */
  drop(bytesMax: number): Promise<{ readonly droppedCount: number; readonly bytes: number }>;
}

/** Yields the tar file in order. */
export type FetchTree = () => AsyncIterable<Uint8Array>;

export interface ActionCacheOptions {
  readonly dir: string;
  /** One folder per attempt. */
  readonly workRootDir: string;
  readonly clock: Clock;
  readonly bytesMax?: number;
}

/** In an attempt's folder: one empty file for each tree it uses. */
const USES = "actions";
const SIZE_FILE = ".size";

export function createActionCache(options: ActionCacheOptions): ActionCache {
  const { dir, workRootDir, clock, bytesMax = ACTION_CACHE_BYTES_MAX } = options;
  const fetching = new Map<string, Promise<void>>();
  let draftNo = 0;

  async function fetchNow(sha: string, fetch: FetchTree): Promise<void> {
    const draft = join(dir, `.new-${process.pid}-${++draftNo}`);
    const tree = join(draft, "tree");
    let unpacker: TarUnpacker | undefined;
    try {
      mkdirSync(draft, { mode: 0o711 });
      chmodSync(draft, 0o711);
      mkdirSync(tree);
      chmodSync(tree, 0o755);
      unpacker = createTarUnpacker(tree);
      let bytesCount = 0;
      for await (const piece of fetch()) {
        bytesCount += piece.length;
        unpacker.push(piece);
      }
      unpacker.end();
      writeFileSync(join(draft, SIZE_FILE), String(bytesCount), { mode: 0o600 });
      renameSync(draft, join(dir, sha));
    } finally {
      unpacker?.abort();
      await rm(draft, { recursive: true, force: true });
    }
    await drop(bytesMax);
  }

  const kept = () =>
    readdirSync(dir)
      .filter((name) => COMMIT.test(name))
      .map(look);

  async function drop(most: number): Promise<{ droppedCount: number; bytes: number }> {
    const trees = kept().sort((a, b) => a.usedAtMs - b.usedAtMs);
    let total = trees.reduce((sum, tree) => sum + tree.bytesCount, 0);
    const dropped = { droppedCount: 0, bytes: 0 };
    for (const { sha, bytesCount } of trees) {
      if (total <= most) break;
      const goneDir = putAside(sha);
      if (goneDir === undefined) continue;
      total -= bytesCount;
      dropped.droppedCount++;
      dropped.bytes += bytesCount;
      await rm(goneDir, { recursive: true, force: true });
    }
    return dropped;
  }

  /** Without waiting: another fetch that ends may drop trees, too. */
  function look(sha: string) {
    const file = join(dir, sha, SIZE_FILE);
    return { sha, bytesCount: Number(readFileSync(file, "utf8")), usedAtMs: statSync(file).mtimeMs };
  }

  /**
   * Answers where the tree is now; undefined when it stays, or went meanwhile. In one turn with the look whether an
   * attempt uses it: nobody can begin to in between.
   */
  function putAside(sha: string): string | undefined {
    const isUsed = readdirSync(workRootDir).some((attempt) => existsSync(join(workRootDir, attempt, USES, sha)));
    if (isUsed || fetching.has(sha) || !existsSync(join(dir, sha))) return undefined;
    const goneDir = join(dir, `.gone-${process.pid}-${++draftNo}`);
    renameSync(join(dir, sha), goneDir);
    return goneDir;
  }

  return {
    async open(sha, attemptDir, fetch) {
      if (!COMMIT.test(sha)) throw new Error(`'${sha}' is not a commit`);
      // before the look: from here on it is not dropped
      mkdirSync(join(attemptDir, USES), { recursive: true, mode: 0o700 });
      writeFileSync(join(attemptDir, USES, sha), "", { mode: 0o600 });
      if (!existsSync(join(dir, sha))) {
        await workOnce(fetching, sha, async () => {
          if (!existsSync(join(dir, sha))) await fetchNow(sha, fetch);
        });
      }
      const nowSeconds = clock.nowMs() / 1_000;
      utimesSync(join(dir, sha, SIZE_FILE), nowSeconds, nowSeconds);
      return join(dir, sha, "tree");
    },
    bytes: async () => kept().reduce((sum, tree) => sum + tree.bytesCount, 0),
    drop,
  };
}

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Makes the folder, and removes what a process before this one did not end. */
export async function prepareActionCache(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (const name of readdirSync(dir)) {
    if (name.startsWith(".")) await rm(join(dir, name), { recursive: true, force: true });
    else if (!lstatSync(join(dir, name)).isDirectory()) await rm(join(dir, name));
  }
}
