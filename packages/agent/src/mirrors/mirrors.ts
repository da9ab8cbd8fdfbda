import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SlotUser } from "@windrow/backends";
import type { Clock, Logger } from "@windrow/service";
import { checkoutCredential } from "../job/checkout-step.ts";
import {
  gitDirOf,
  isWhole,
  type MirrorKey,
  type MirrorNote,
  makeMirrorFolder,
  newMirrorName,
  readNote,
  readPacks,
  removeRemains,
  writeNote,
} from "./mirror-folder.ts";
import { runMirrorGit } from "./mirror-git.ts";

/** A repository that takes less is fetched as fast without. */
export const MIRROR_BYTES_MIN = 4 * 1024 * 1024;
/** A small repository is looked at again after so long. */
const SMALL_MS = 24 * 3_600_000;
/** Every update adds a pack, and every object is looked for in all of them: one with more is made again. */
const PACKS_MAX = 40;
/** Mirrors that wait to be filled; more are left to later checkouts. */
const WAITING_MAX = 32;
const FILL_MS_MAX = 30 * 60_000;
/** At the same time: a fill must begin while its job's token holds, and jobs are to have the machine. */
const FILLS_MAX = 2;
/** Who asks to be filled again and again and never is, is damaged. */
const FAILURES_MAX = 2;

/** What one job is told of its repository's mirror. */
export interface JobMirror {
  /** A bare repository that its user may read; undefined when there is none yet. It stays while the attempt's folder does. */
  readonly dir: string | undefined;
  /** A checkout begins: fills the mirror, or brings the run's commit into it, without being waited for. */
  refresh(): void;
  /** It could not be read: the next checkout has it made again. */
  discard(): void;
}

/** Bare copies of hosted repositories, filled and kept by the agent; jobs only read them. */
export interface Mirrors {
  open(job: MirrorJob): JobMirror;
  bytes(): Promise<number>;
  /** Drops those used longest ago until at most so many bytes are left, never one that an attempt uses. */
  dropMirrors(bytesMax: number): Promise<{ readonly droppedCount: number; readonly bytes: number }>;
  /** Resolves when nothing is filled any more: for tests. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export interface MirrorJob extends MirrorKey {
  readonly attemptId: string;
  /** The run's commit. */
  readonly sha: string;
  readonly jobToken: string;
}

export interface MirrorsOptions {
  /** Jobs walk through it and cannot list it. */
  readonly dir: string;
  /** One folder per attempt. */
  readonly workRootDir: string;
  /** Where the controller's git is, under the tokens of jobs. */
  readonly gatewayUrl: string;
  readonly path: string;
  readonly user?: SlotUser | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bytesMin?: number;
}

/** In an attempt's folder: one empty file for the mirror that it uses. */
const USES = "mirrors";
const NAME = /^[0-9a-f]{40}$/;

export function createMirrors(options: MirrorsOptions): Mirrors {
  const { dir, workRootDir, gatewayUrl, path, user, clock, logger, bytesMin = MIRROR_BYTES_MIN } = options;
  const stopping = new AbortController();
  const names = new Map<string, string>();
  const failures = new Map<string, number>();
  const waiting = new Set<string>();
  const lanes = Array.from({ length: FILLS_MAX }, () => ({ work: Promise.resolve(), count: 0 }));

  mkdirSync(dir, { recursive: true, mode: 0o711 });
  for (const name of readdirSync(dir)) {
    const note = NAME.test(name) ? readNote(join(dir, name)) : undefined;
    const isGood = note !== undefined && !note.isChanging && isWhole(join(dir, name), note);
    if (isGood && !names.has(keyOf(note))) names.set(keyOf(note), name);
    else if (!isUsed(name)) removeOld(name);
  }

  /** The git of an agent that was killed may still write into it: the next start removes it then. */
  function removeOld(name: string): void {
    try {
      rmSync(join(dir, name), { recursive: true, force: true });
    } catch (error) {
      logger.warn({ err: error, mirror: name }, "what is left of a mirror could not be removed");
    }
  }

  function isUsed(name: string): boolean {
    return readdirSync(workRootDir).some((attempt) => existsSync(join(workRootDir, attempt, USES, name)));
  }

  /** Out of the way of later jobs at once; those that use it keep it until the next start or drop. */
  async function forget(key: string): Promise<void> {
    const name = names.get(key);
    names.delete(key);
    failures.delete(key);
    if (name === undefined || isUsed(name)) return;
    const gone = join(dir, `.gone-${newMirrorName()}`);
    renameSync(join(dir, name), gone);
    await rm(gone, { recursive: true, force: true });
  }

  /** The mirror of that key, when it can be used. */
  function find(key: string): { readonly folder: string; readonly note: MirrorNote } | undefined {
    const name = names.get(key);
    if (name === undefined) return undefined;
    const folder = join(dir, name);
    const note = readNote(folder);
    if (note !== undefined && isWhole(folder, note)) return { folder, note };
    logger.warn({ mirror: key }, "a mirror is damaged; it is made again");
    names.delete(key);
    return undefined;
  }

  async function fetch(folder: string, job: MirrorJob): Promise<boolean> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(FILL_MS_MAX)]);
    const { isDone, complaint } = await runMirrorGit(
      { path, user, signal },
      {
        gitDir: gitDirOf(folder),
        argv: [
          ...["fetch", "-q", "--prune", "--force", "--no-tags", "--no-write-fetch-head", "--"],
          ...[`${gatewayUrl}/${job.repository}`, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
        ],
        settings: [[`http.${gatewayUrl}/.extraheader`, `AUTHORIZATION: basic ${checkoutCredential(job.jobToken)}`]],
      },
    );
    if (!isDone) logger.info({ mirror: job.repository, complaint }, "a mirror could not be filled");
    return isDone;
  }

  function noteOf(folder: string, { repository, trust }: MirrorKey): MirrorNote {
    const packs = readPacks(folder);
    const bytes = Object.values(packs).reduce((sum, size) => sum + size, 0);
    const isSmall = bytes < bytesMin;
    return { repository, trust, packs, bytes, isSmall, isChanging: false, lookedAtMs: clock.nowMs() };
  }

  async function fill(key: string, job: MirrorJob): Promise<void> {
    const name = newMirrorName();
    const draft = join(dir, `.new-${name}`);
    try {
      makeMirrorFolder(draft, user);
      if (!(await fetch(draft, job))) return;
      const note = noteOf(draft, job);
      if (note.isSmall) await rm(gitDirOf(draft), { recursive: true, force: true });
      writeNote(draft, note.isSmall ? { ...note, packs: {}, bytes: 0 } : note);
      await forget(key);
      renameSync(draft, join(dir, name));
      names.set(key, name);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  async function update(key: string, { folder, note }: { folder: string; note: MirrorNote }, job: MirrorJob) {
    const signal = stopping.signal;
    const look = { gitDir: gitDirOf(folder), argv: ["cat-file", "-e", `${job.sha}^{commit}`] };
    if ((await runMirrorGit({ path, user, signal }, look)).isDone) return;
    writeNote(folder, { ...note, isChanging: true });
    const isDone = await fetch(folder, job);
    if (signal.aborted) return;
    removeRemains(folder);
    if (isDone) failures.delete(key);
    else failures.set(key, (failures.get(key) ?? 0) + 1);
    writeNote(folder, { ...noteOf(folder, job), isSmall: false });
    const packsCount = Object.keys(note.packs).length / 2;
    if ((failures.get(key) ?? 0) >= FAILURES_MAX || packsCount > PACKS_MAX) await forget(key);
  }

  async function refreshNow(key: string, job: MirrorJob): Promise<void> {
    const found = find(key);
    if (found === undefined) return fill(key, job);
    if (!found.note.isSmall) return update(key, found, job);
    if (clock.nowMs() - found.note.lookedAtMs > SMALL_MS) await fill(key, job);
  }

  /** Begins at once while there is a lane, else when the shortest line has moved on. */
  function refresh(key: string, job: MirrorJob): void {
    if (waiting.has(key) || waiting.size >= WAITING_MAX || stopping.signal.aborted) return;
    waiting.add(key);
    const lane = lanes.reduce((best, one) => (one.count < best.count ? one : best));
    lane.count++;
    lane.work = lane.work.then(async () => {
      try {
        if (!stopping.signal.aborted) await refreshNow(key, job);
      } catch (error) {
        logger.warn({ err: error, mirror: job.repository }, "a mirror could not be made");
      } finally {
        lane.count--;
        waiting.delete(key);
      }
    });
  }

  const idle = async () => void (await Promise.all(lanes.map(({ work }) => work)));

  function listByUse() {
    return [...names.entries()]
      .flatMap(([key, name]) => {
        const folder = join(dir, name);
        const usedAtMs = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
        return usedAtMs === undefined ? [] : [{ key, name, bytes: readNote(folder)?.bytes ?? 0, usedAtMs }];
      })
      .sort((a, b) => a.usedAtMs - b.usedAtMs);
  }

  /** The mirror for an attempt, which keeps it from then on; undefined when there is none to be had. */
  function take(key: string, attemptId: string): { readonly folder: string; readonly name: string } | undefined {
    try {
      const found = find(key);
      const name = names.get(key);
      if (found === undefined || found.note.isSmall || name === undefined) return undefined;
      const uses = join(workRootDir, attemptId, USES);
      mkdirSync(uses, { recursive: true, mode: 0o700 });
      writeFileSync(join(uses, name), "", { mode: 0o600 });
      const nowSeconds = clock.nowMs() / 1_000;
      utimesSync(found.folder, nowSeconds, nowSeconds);
      return { folder: found.folder, name };
    } catch (error) {
      // a full disk, or one that fails: jobs do without
      logger.warn({ err: error, mirror: key }, "a mirror cannot be used");
      return undefined;
    }
  }

  return {
    open(job) {
      const key = keyOf(job);
      const taken = take(key, job.attemptId);
      return {
        dir: taken && gitDirOf(taken.folder),
        refresh: () => refresh(key, job),
        discard() {
          if (taken !== undefined && names.get(key) === taken.name) names.delete(key);
        },
      };
    },
    async bytes() {
      return listByUse().reduce((sum, { bytes }) => sum + bytes, 0);
    },
    async dropMirrors(bytesMax) {
      const all = listByUse();
      let left = all.reduce((sum, { bytes }) => sum + bytes, 0);
      let [droppedCount, bytes] = [0, 0];
      for (const one of all) {
        if (left <= bytesMax) break;
        if (one.bytes === 0 || waiting.has(one.key) || isUsed(one.name)) continue;
        await forget(one.key);
        left -= one.bytes;
        bytes += one.bytes;
        droppedCount++;
      }
      await sweepForgotten();
      return { droppedCount, bytes };
    },
    idle,
    async stop() {
      stopping.abort(new Error("the agent stops"));
      await idle();
    },
  };

  /** Damaged ones that a job still read when they were forgotten. */
  async function sweepForgotten(): Promise<void> {
    const kept = new Set(names.values());
    for (const name of readdirSync(dir)) {
      if (!NAME.test(name) || kept.has(name) || isUsed(name)) continue;
      await rm(join(dir, name), { recursive: true, force: true });
    }
  }
}

const keyOf = ({ repository, trust }: MirrorKey): string => `${trust} ${repository}`;
