import type { WorkflowDefinition } from "@windrow/model";
import { type Database, readRunDefinition } from "@windrow/store";

/** What a run was made from; it never changes. */
export interface RunText {
  readonly definition: WorkflowDefinition;
  readonly eventJson: string;
}

/** The large, unchanging part of recent runs, kept in memory so that a job's start need not read it again. */
export interface RunTexts {
  read(db: Database, runId: number): Promise<RunText>;
  /** For who has it at hand already: intake. */
  remember(runId: number, text: RunText): void;
}

const RUN_TEXTS_MAX = 256;

/** Throws when the run has no definition: such a run has no jobs, so nobody may ask. */
export function createRunTexts(): RunTexts {
  const kept = new Map<number, RunText>();

  function remember(runId: number, text: RunText): void {
    kept.delete(runId);
    kept.set(runId, text);
    for (const oldest of kept.keys()) {
      if (kept.size <= RUN_TEXTS_MAX) return;
      kept.delete(oldest);
    }
  }

  return {
    remember,
    async read(db, runId) {
      const text = kept.get(runId) ?? (await readRunDefinition(db, runId));
      if (text === undefined) throw new Error(`run ${runId} has no definition`);
      remember(runId, text);
      return text;
    },
  };
}
