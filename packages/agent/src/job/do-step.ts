import { ExpressionFailure } from "@windrow/workflow";
import { prepareScript } from "./prepare-script.ts";
import { runProcess } from "./run-process.ts";
import { type StepWork, whatEnds } from "./step-frame.ts";
import { useAction } from "./use-action.ts";
import type { WorkEnd } from "./work-end.ts";

/** Does what a step says. A step that cannot be run as written fails with a sentence. */
export async function doStep(work: StepWork): Promise<WorkEnd> {
  const { frame, step } = work;
  try {
    switch (step.kind) {
      case "run": {
        const prepared = prepareScript(frame, { ...work, step });
        if (prepared.kind === "refused") return { outcome: "failed", fault: prepared.why };
        const { backendNo } = work;
        return await runProcess({ frame, backendNo, start: prepared.start, stopped: whatEnds(work) });
      }
      case "uses":
        return await useAction({ ...work, step });
      case "wait":
      case "cancel":
        return { outcome: "failed", fault: `'${step.kind}' has its place among the steps of a job only` };
    }
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return { outcome: "failed", fault: error.message };
  }
}
