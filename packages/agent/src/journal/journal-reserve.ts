import { rmSync, writeFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** Room for the lines of thousands of steps. */
export const JOURNAL_RESERVE_BYTES = 1024 * 1024;

/** Room beside the journal that is given up when the disk is full, so that jobs that run can go on and end. */
export interface JournalReserve {
  /** What of it is given up now. */
  readonly lackBytes: number;
  /** Gives it up; false when there is none any more. */
  use(): boolean;
  /** Sets room aside again, where there is some. */
  renew(): void;
}

export function makeJournalReserve(path: string): JournalReserve {
  let isThere = false;
  const reserve: JournalReserve = {
    get lackBytes() {
      return isThere ? 0 : JOURNAL_RESERVE_BYTES;
    },
    use() {
      if (!isThere) return false;
      isThere = false;
      rmSync(path, { force: true });
      return true;
    },
    renew() {
      if (isThere) return;
      try {
        // bytes that no file system leaves out
        writeFileSync(path, Buffer.alloc(JOURNAL_RESERVE_BYTES, 1), { mode: 0o600 });
        isThere = true;
      } catch (error) {
        rmSync(path, { force: true });
        if (!isDiskFull(error)) throw error;
      }
    },
  };
  reserve.renew();
  return reserve;
}

export const isDiskFull = (error: unknown): boolean => hasCode(error, "ENOSPC", "EDQUOT");
