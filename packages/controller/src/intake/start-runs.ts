import { failpoint } from "@windrow/service";
import { type Database, insertRun, inTransaction, lockRun, type NewRun, settlePush, type Tx } from "@windrow/store";
import { type Advanced, advanceRun } from "../runs/advance-run.ts";
import { askForStart, asksForStart } from "../runs/ask-for-start.ts";
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
  start: {
    readonly pushId: number | null;
    readonly runs: readonly NewRun[];
    readonly reason: string | null;
    /** Takes what starts the runs, for who else might start them; false when somebody did. */
    readonly claim?: (tx: Tx) => Promise<boolean>;
  },
): Promise<number[] | undefined> {
  await failpoint("controller.before-run-insert");
  const advanced: Advanced[] = [];
  const ids = await inTransaction(deps.db, async (tx) => {
    if (start.pushId !== null && !(await settlePush(tx, { id: start.pushId, reason: start.reason }))) return undefined;
    if (start.claim !== undefined && !(await start.claim(tx))) return undefined;
    const inserted: number[] = [];
    for (const run of start.runs) {
      const { id } = await insertRun(tx, { ...run, isHeld: run.definition?.concurrency !== undefined });
      inserted.push(id);
      if (run.definition !== null) advanced.push(await begin(tx, deps, { runId: id, run, definition: run.definition }));
    }
    return inserted;
  });
  if (ids !== undefined && advanced.length > 0) deps.tell(advanced);
  return ids;
}

async function begin(
  tx: Tx,
  deps: StartRunsDeps,
  made: { readonly runId: number; readonly run: NewRun; readonly definition: NonNullable<NewRun["definition"]> },
): Promise<Advanced> {
  const { runId } = made;
  const text = { definition: made.definition, eventJson: made.run.eventJson };
  deps.texts.remember(runId, text);
  const publicUrl = deps.publicUrl();
  const locked = asksForStart(text) ? await lockRun(tx, runId) : undefined;
  const groups = locked === undefined ? [] : await askForStart(tx, { run: locked, text, publicUrl });
  const advanced = await advanceRun(tx, { runId, publicUrl, texts: deps.texts });
  return { ...advanced, groups: [...groups, ...advanced.groups] };
}
