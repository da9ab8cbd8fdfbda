import type { StepReport } from "@windrow/model";
import type { StepResult } from "../journal/journal-records.ts";
import { readSummary } from "./step-summary.ts";

/** What the controller is told of a step that is over; what it left for later steps stays here. */
export function toStepReport(result: StepResult): StepReport {
  const { stepNo, name, outcome, conclusion, exitCode, signal, fault, startedAtMs, finishedAtMs } = result;
  const summary = result.summaryFiles === undefined ? undefined : readSummary(result.summaryFiles);
  return {
    stepNo,
    name,
    state: "finished",
    outcome,
    conclusion,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(fault === undefined ? {} : { fault }),
    startedAtMs,
    finishedAtMs,
    ...(result.annotations === undefined ? {} : { annotations: result.annotations }),
    ...(summary === undefined ? {} : { summary }),
  };
}
