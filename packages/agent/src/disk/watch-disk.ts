import { statfs } from "node:fs/promises";
import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";
import { decideWalk, type JobUsage } from "./decide-walk.ts";
import { type DiskSettings, levelsOf } from "./disk-levels.ts";
import { sayBytes } from "./disk-share.ts";
import { measureFolders } from "./measure-folders.ts";

/** A job whose folders are watched while it runs. */
export interface WatchedJob {
  readonly attemptId: string;
  /** What counts as the job's: its own folders, not its log. */
  readonly folder: string;
  readonly bytesMax: number | undefined;
  /** Ends the job as failed, with a sentence for people. */
  readonly end: (message: string) => void;
}

export interface WatchDiskOptions {
  /** Jobs' files, and the agent's own with its journal: they may lie on two disks. */
  readonly folders: { readonly workRootDir: string; readonly agentDir: string };
  readonly settings: DiskSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** There is so little room that caches are to give some. */
  readonly onLow: () => void;
  /** So much of the room on the agent's own disk is spoken for. */
  readonly ownLackBytes?: () => number;
  /** A look found room for jobs. */
  readonly onRoom?: () => void;
  readonly measure?: typeof measureFolders;
}

/** Watches the room on the agent's disks, and what jobs take of it. */
export interface DiskWatch {
  /** So little room that no job may be taken. */
  readonly isFull: boolean;
  /** Watches a job until the answer is called. */
  watch(job: WatchedJob): () => void;
  stop(): Promise<void>;
}

export const DISK_LOOK_EVERY_MS = 1_000;
/** When the room falls so that it would be gone by the next look, looks follow one another like this. */
const HURRIED_LOOK_MS = 100;
const HURRIED_LOOKS_MAX = 50;
/** After a job was ended for room its folders are removed: the next one is not ended before that can have helped. */
const END_EVERY_MS = 10_000;
/** A job is ended for room only when so many looks in a row found none. */
const END_AFTER_LOOKS = 3;

interface Watched {
  readonly job: WatchedJob;
  usage: JobUsage;
  isEnded: boolean;
}

interface Room {
  readonly freeBytes: number;
  readonly diskBytes: number;
}

export function startDiskWatch(options: WatchDiskOptions): DiskWatch {
  const { folders, settings, clock, logger, onLow, onRoom, ownLackBytes = () => 0, measure = measureFolders } = options;
  const watched = new Set<Watched>();
  const state = { isFull: false, isLow: false, emptyLooks: 0, endedAtMs: Number.NEGATIVE_INFINITY, lastFree: 0 };

  async function lookAt(folder: string): Promise<Room> {
    const { bavail, bsize, blocks } = await statfs(folder);
    return { freeBytes: bavail * bsize, diskBytes: blocks * bsize };
  }

  async function runOnce(signal: AbortSignal): Promise<void> {
    for (let looks = 0; looks < HURRIED_LOOKS_MAX; looks++) {
      if (!(await look())) return;
      await clock.sleep(HURRIED_LOOK_MS, signal);
      if (signal.aborted) return;
    }
  }

  /** Answers whether to look again at once. */
  async function look(): Promise<boolean> {
    const [work, all] = await Promise.all([lookAt(folders.workRootDir), lookAt(folders.agentDir)]);
    const own = { ...all, freeBytes: all.freeBytes - ownLackBytes() };
    setFull(isBelow(work, "refuseBytes") || isBelow(own, "refuseBytes"), Math.min(work.freeBytes, own.freeBytes));
    if (!state.isFull) onRoom?.();
    const isLow = isBelow(work, "dropBytes") || isBelow(own, "dropBytes");
    if (isLow && !state.isLow) onLow();
    state.isLow = isLow;
    const fallBytes = state.lastFree - work.freeBytes;
    state.lastFree = work.freeBytes;
    await walkJobs(work.freeBytes);
    state.emptyLooks = isBelow(work, "endBytes") ? state.emptyLooks + 1 : 0;
    if (state.emptyLooks >= END_AFTER_LOOKS) await endLargest(work);
    return watched.size > 0 && fallBytes > 0 && fallBytes * 2 > work.freeBytes && !isBelow(work, "endBytes");
  }

  const isBelow = (room: Room, level: keyof ReturnType<typeof levelsOf>): boolean =>
    room.freeBytes < levelsOf(settings, room.diskBytes)[level];

  function setFull(isFull: boolean, freeBytes: number): void {
    if (isFull !== state.isFull) {
      logger.warn(
        { diskFull: isFull, freeBytes },
        isFull ? "the disk is full: no job is taken" : "there is room again",
      );
    }
    state.isFull = isFull;
  }

  async function walkJobs(freeBytes: number): Promise<void> {
    const nowMs = clock.monotonicMs();
    await walk(
      [...watched].filter((one) => !one.isEnded && decideWalk(one.usage, nowMs, freeBytes)),
      freeBytes,
    );
    for (const one of watched) {
      const { bytesMax, bytes } = one.usage;
      if (one.isEnded || bytesMax === undefined || bytes <= bytesMax) continue;
      end(
        one,
        `The job's folders hold ${sayBytes(bytes)}, more than the ${sayBytes(bytesMax)} that a job may have here`,
      );
    }
  }

  async function walk(jobs: readonly Watched[], freeBytes: number): Promise<void> {
    if (jobs.length === 0) return;
    const beganMs = clock.monotonicMs();
    const sizes = await measure(jobs.map(({ job }) => job.folder));
    const walkedAtMs = clock.monotonicMs();
    for (const one of jobs) {
      const bytes = sizes.get(one.job.folder) ?? one.usage.bytes;
      one.usage = { ...one.usage, bytes, freeBytes, walkedAtMs, tookMs: walkedAtMs - beganMs };
    }
  }

  /** Jobs begin with empty folders: who holds most grew most. One whose end would not make room enough stays. */
  async function endLargest({ freeBytes, diskBytes }: Room): Promise<void> {
    const nowMs = clock.monotonicMs();
    if (nowMs - state.endedAtMs < END_EVERY_MS) return;
    const running = [...watched].filter((one) => !one.isEnded);
    await walk(running, freeBytes);
    const [largest] = running.sort((a, b) => b.usage.bytes - a.usage.bytes);
    const { endBytes } = levelsOf(settings, diskBytes);
    if (largest === undefined || largest.usage.bytes < endBytes - freeBytes) return;
    state.endedAtMs = nowMs;
    const held = `this job's folders hold ${sayBytes(largest.usage.bytes)}, the most of ${running.length} running here`;
    end(largest, `The agent's disk has ${sayBytes(freeBytes)} left, less than ${sayBytes(endBytes)}; ${held}`);
  }

  function end(one: Watched, message: string): void {
    one.isEnded = true;
    logger.warn({ attempt: one.job.attemptId, bytes: one.usage.bytes, bytesMax: one.usage.bytesMax }, message);
    one.job.end(message);
  }

  const loop: Loop = startLoop({ name: "disk", everyMs: DISK_LOOK_EVERY_MS, clock, logger, runOnce });
  return {
    get isFull() {
      return state.isFull;
    },
    watch(job) {
      const usage = { bytesMax: job.bytesMax, bytes: 0, walkedAtMs: undefined, tookMs: 0, freeBytes: state.lastFree };
      const one: Watched = { job, usage, isEnded: false };
      watched.add(one);
      return () => void watched.delete(one);
    },
    stop: () => loop.stop(),
  };
}
