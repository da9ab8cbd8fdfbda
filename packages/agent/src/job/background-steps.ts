import type { StepResult } from "../journal/journal-records.ts";

/** Steps that may go on at once beside the others. */
export const BACKGROUND_STEPS_MAX = 32;

export interface BackgroundStep {
  readonly id: string | undefined;
  readonly stepNo: number;
  readonly ended: Promise<StepResult>;
  /** Ends it with grace. */
  readonly cancel: () => void;
}

/** The background steps of one job whose results later steps do not see yet. */
export interface BackgroundSteps {
  add(step: BackgroundStep): void;
  readonly runningCount: number;
  /** Whether there is, or was, such a step. */
  knows(id: string): boolean;
  /** Waits for these, or for all, in the order of their start, and lets `onEnd` see each once. */
  settle(ids: readonly string[] | "all", onEnd: (step: BackgroundStep, result: StepResult) => void): Promise<void>;
  cancel(id: string): void;
}

export function createBackgroundSteps(): BackgroundSteps {
  const open = new Set<BackgroundStep>();
  const ids = new Set<string>();
  const running = new Set<BackgroundStep>();
  return {
    add(step) {
      open.add(step);
      running.add(step);
      if (step.id !== undefined) ids.add(step.id);
      // Whoever settles it meets the error.
      step.ended.catch(() => undefined).finally(() => running.delete(step));
    },
    get runningCount() {
      return running.size;
    },
    knows: (id) => ids.has(id),
    async settle(wanted, onEnd) {
      const chosen = [...open].filter(
        (step) => wanted === "all" || (step.id !== undefined && wanted.includes(step.id)),
      );
      for (const step of chosen) {
        const result = await step.ended;
        if (open.delete(step)) onEnd(step, result);
      }
    },
    cancel(id) {
      for (const step of open) if (step.id === id) step.cancel();
    },
  };
}
