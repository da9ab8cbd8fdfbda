import type { Clock } from "@windrow/service";
import { isDatabaseAway } from "@windrow/store";

/** The database could not be reached: the same call may be tried again. */
export class DatabaseAway extends Error {
  readonly code = "database_away";
  readonly retryable = true;

  constructor(cause: unknown) {
    super("the database is away", { cause });
    this.name = "DatabaseAway";
  }
}

/** Knows for how long the database has been away, as seen by the calls made to it. */
export interface DatabaseWatch {
  /** Runs one use of the database; a fault of reaching it becomes a retryable DatabaseAway. */
  watch<T>(work: () => Promise<T>): Promise<T>;
  /** 0 while it answers. */
  awayForMs(): number;
}

export function createDatabaseWatch(clock: Clock): DatabaseWatch {
  let awaySinceMs: number | undefined;
  return {
    awayForMs: () => (awaySinceMs === undefined ? 0 : clock.monotonicMs() - awaySinceMs),
    async watch(work) {
      try {
        const result = await work();
        awaySinceMs = undefined;
        return result;
      } catch (error) {
        if (!isDatabaseAway(error)) throw error;
        awaySinceMs ??= clock.monotonicMs();
        throw new DatabaseAway(error);
      }
    },
  };
}
