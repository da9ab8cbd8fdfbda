import { failpoint } from "@windrow/service";
import { type Database, insertRun, inTransaction, type NewRun, settlePush } from "@windrow/store";
import { type Advanced, advanceRun } from "../runs/advance-run.ts";
import type { RunTexts } from "../runs/run-texts.ts";

export interface StartRunsDeps {
  readonly db: Database;
  readonly texts: RunTexts;
  readonly publicUrl: () => string;
  /** After the commit: jobs may be waiting for an agent, watchers for news. */
  readonly tell: (advanced: readonly Advanced[]) => void;
}

/**
 * Inserts runs with everything that hangs off them, and settles the push they come from, in one transaction. Undefined
 * when the push was settled before by somebody else: then nothing was inserted.
 */
export async function startRuns(
  deps: StartRunsDeps,
  start: { readonly pushId: number | null; readonly runs: readonly NewRun[]; readonly reason: string | null },
): Promise<number[] | undefined> {
  await failpoint("controller.before-run-insert");
  const advanced: Advanced[] = [];
  const ids = await inTransaction(deps.db, async (tx) => {
    if (start.pushId !== null && !(await settlePush(tx, { id: start.pushId, reason: start.reason }))) return undefined;
    const inserted: number[] = [];
    for (const run of start.runs) {
      const { id } = await insertRun(tx, run);
      inserted.push(id);
      if (run.definition === null) continue;
      deps.texts.remember(id, { definition: run.definition, eventJson: run.eventJson });
      advanced.push(await advanceRun(tx, { runId: id, publicUrl: deps.publicUrl(), texts: deps.texts }));
    }
    return inserted;
  });
  if (ids !== undefined && advanced.length > 0) deps.tell(advanced);
  return ids;
}
