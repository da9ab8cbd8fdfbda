import type { StepResult } from "../journal/journal-records.ts";
import type { OpenJob } from "./open-job.ts";
import { createStepLog } from "./step-log.ts";

/** What is known of a step that ended under an earlier process of the agent; its log is shipped again. */
export async function recallStep(job: OpenJob, stepNo: number): Promise<StepResult | undefined> {
  const result = job.memory.stepsEnded.get(stepNo);
  if (result === undefined || result.parts.length === 0) return result;
  const masksCount = job.memory.stepsStarted.get(stepNo)?.masksCount;
  const log = createStepLog({ logs: job.logs, stepNo, spoolPath: (no) => job.handle.spoolPath(no), masksCount });
  await log.addAgain(result.parts);
  log.end();
  return result;
}
