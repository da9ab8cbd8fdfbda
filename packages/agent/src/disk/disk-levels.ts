import { bytesOfShare, type DiskShare } from "./disk-share.ts";

/** How much of a disk the agent's caches may take, and what it leaves free. */
export interface DiskSettings {
  /** All caches together: tools, actions, mirrors, images. */
  readonly cache: DiskShare;
  /** Below so much free room caches are dropped, then jobs refused, then ended. Undefined: by the disk's size. */
  readonly reserve?: DiskShare | undefined;
}

export const DISK_SETTINGS_DEFAULT: DiskSettings = { cache: { percent: 20 } };

const RESERVE_PERCENT = 5;
const RESERVE_BYTES_MAX = 5 * 2 ** 30;
const REFUSE_BYTES_MAX = 256 * 2 ** 20;
const END_BYTES_MAX = 128 * 2 ** 20;

/** Free bytes below which something is done; each is at most the one before it. */
export interface DiskLevels {
  /** Caches are dropped. */
  readonly dropBytes: number;
  /** No job is taken. */
  readonly refuseBytes: number;
  /** The job that holds most is ended. */
  readonly endBytes: number;
}

/** Small disks have small reserves: what holds for a disk of terabytes would leave a small one nothing to work with. */
export function levelsOf(settings: Pick<DiskSettings, "reserve">, diskBytes: number): DiskLevels {
  const dropBytes =
    settings.reserve === undefined
      ? Math.min(bytesOfShare({ percent: RESERVE_PERCENT }, diskBytes), RESERVE_BYTES_MAX)
      : bytesOfShare(settings.reserve, diskBytes);
  return {
    dropBytes,
    refuseBytes: Math.min(REFUSE_BYTES_MAX, Math.floor(dropBytes / 2)),
    endBytes: Math.min(END_BYTES_MAX, Math.floor(dropBytes / 4)),
  };
}
