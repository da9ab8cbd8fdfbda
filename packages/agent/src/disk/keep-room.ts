import { statfs } from "node:fs/promises";
import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";
import { decideDrops } from "./decide-drops.ts";
import { type DiskSettings, levelsOf } from "./disk-levels.ts";
import { bytesOfShare, sayBytes } from "./disk-share.ts";

/** Something that grows by itself and can be had again. */
export interface CacheStore {
  readonly name: string;
  bytes(): Promise<number>;
  /** Drops what was used longest ago until at most so many bytes are left, and never what is in use. */
  drop(bytesMax: number): Promise<{ readonly droppedCount: number; readonly bytes: number }>;
}

export interface KeepRoomOptions {
  readonly stores: readonly CacheStore[];
  /** On the disk that is kept. */
  readonly folder: string;
  readonly settings: DiskSettings;
  /** Removes what nothing can use any more, whatever room there is. */
  readonly sweepOld: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const KEEP_ROOM_EVERY_MS = 60_000;

/** Keeps all caches of an agent together under their share of the disk, and the disk's reserve free while they can give. */
export function startKeepRoom(options: KeepRoomOptions): Loop {
  const { clock, logger } = options;
  const runOnce = () => keepRoom(options);
  return startLoop({ name: "room", everyMs: KEEP_ROOM_EVERY_MS, clock, logger, runOnce });
}

/** One pass. A cache that cannot be asked or cannot drop does not keep the others. Throws the first error when all were asked. */
export async function keepRoom({ stores, folder, settings, sweepOld, logger }: KeepRoomOptions): Promise<void> {
  const errors: unknown[] = [];
  const attempt = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      errors.push(error);
      return otherwise;
    }
  };
  await attempt(sweepOld, undefined);
  // one that holds on to what it has is left out of the next round, and the others give in its place
  let asked = [...stores];
  while (asked.length > 0) {
    const { bsize, blocks, bavail } = await statfs(folder);
    const sizes = await Promise.all(
      stores.map(async (store) => ({ store, name: store.name, bytes: await attempt(() => store.bytes(), 0) })),
    );
    const heldBytes = sizes.reduce((sum, { store, bytes }) => sum + (asked.includes(store) ? 0 : bytes), 0);
    const freeBytes = bavail * bsize;
    const drops = decideDrops({
      stores: sizes.filter(({ store }) => asked.includes(store)),
      cacheBytesMax: bytesOfShare(settings.cache, blocks * bsize) - heldBytes,
      freeBytes,
      reserveBytes: levelsOf(settings, blocks * bsize).dropBytes,
    });
    if (drops.length === 0) break;
    for (const { name, bytesMax } of drops) {
      const store = asked.find((one) => one.name === name);
      const dropped = await attempt(async () => store?.drop(bytesMax), undefined);
      asked = asked.filter((one) => one !== store);
      if (dropped === undefined || dropped.droppedCount === 0) continue;
      const { droppedCount, bytes } = dropped;
      logger.info({ cache: name, droppedCount, bytes, freeBytes }, `dropped ${sayBytes(bytes)} of ${name}`);
    }
  }
  if (errors.length > 0) throw errors[0];
}
