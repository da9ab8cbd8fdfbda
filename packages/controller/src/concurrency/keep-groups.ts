import type { Logger } from "@windrow/service";
import {
  findDeadEntryRuns,
  findEntriesToApply,
  findUndecidedGroups,
  type GroupRef,
  inTransaction,
  isDatabaseAway,
  releaseEntries,
} from "@windrow/store";
import type { CancelDeps } from "../runs/cancel-run.ts";
import { applyEntry } from "./apply-entry.ts";
import { settleGroup } from "./settle-group.ts";

/** Decides concurrency groups after the commits that asked for them or gave them back. */
export interface GroupKeeper {
  /** Soon, in the background: a hint, since the pass below finds whatever it misses. */
  wake(groups: readonly GroupRef[]): void;
  /** One pass of the sweep: everything that a crash, or another controller's, left undecided or not applied. */
  runOnce(): Promise<void>;
  /** Ends what was woken. */
  stop(): Promise<void>;
}

/** Further ones are left to the sweep. */
const WOKEN_MAX = 1_000;

export function createGroupKeeper(deps: CancelDeps & { readonly logger: Logger }): GroupKeeper {
  const woken = new Map<string, GroupRef>();
  let isStopped = false;
  let working: Promise<void> | undefined;

  async function keep(group: GroupRef): Promise<void> {
    await inTransaction(deps.db, (tx) => settleGroup(tx, group));
    for (const entry of await findEntriesToApply(deps.db, group)) await applyEntry(deps, entry);
  }

  async function work(): Promise<void> {
    for (const [key, group] of woken) {
      woken.delete(key);
      if (isStopped) return;
      try {
        await keep(group);
      } catch (error) {
        deps.logger.warn({ err: error, ...group }, "a concurrency group is decided by the next sweep");
      }
    }
  }

  /** One that cannot be decided holds none of the others back. */
  async function each<T>(things: readonly T[], act: (thing: T) => Promise<void>, what: string): Promise<void> {
    for (const thing of things) {
      try {
        await act(thing);
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        deps.logger.error({ err: error, thing }, what);
      }
    }
  }

  return {
    wake(groups) {
      for (const group of groups) {
        if (woken.size < WOKEN_MAX) woken.set(`${group.repositoryId}/${group.groupKey}`, group);
      }
      if (woken.size === 0 || working !== undefined || isStopped) return;
      working = work().finally(() => {
        working = undefined;
        if (woken.size > 0) this.wake([]);
      });
    },
    async runOnce() {
      const release = async (runId: number): Promise<void> => {
        await inTransaction(deps.db, (tx) => releaseEntries(tx, runId));
      };
      await each(await findDeadEntryRuns(deps.db), release, "a concurrency group is not given back");
      await each(await findUndecidedGroups(deps.db), keep, "a concurrency group is not decided");
      const entries = await findEntriesToApply(deps.db);
      await each(entries, (entry) => applyEntry(deps, entry), "what was decided of a concurrency group is not applied");
    },
    async stop() {
      isStopped = true;
      woken.clear();
      await working;
    },
  };
}
