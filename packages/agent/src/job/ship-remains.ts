import type { SiteRemains } from "@windrow/backends";
import type { Plan } from "@windrow/model";
import { type AttemptMemory, partKey } from "../journal/attempt-memory.ts";
import type { StepPart } from "../journal/journal-records.ts";
import type { StepReporter } from "../reports/step-reporter.ts";
import type { JobLogs } from "./job-logs.ts";
import { backendNo } from "./open-job.ts";
import { createStepLog, type StepLog } from "./step-log.ts";
import { toStepReport } from "./step-report.ts";

export interface RemainsOptions {
  readonly plan: Pick<Plan, "steps">;
  readonly memory: AttemptMemory;
  readonly logs: JobLogs;
  readonly reporter: StepReporter;
  readonly siteDir: string;
  /** What the supervisor left, when the job did not end properly. */
  readonly remains?: SiteRemains | undefined;
}

/** Reports and ships what is known of a job that runs no more, as far as it came. */
export async function shipRemains(options: RemainsOptions): Promise<void> {
  const { memory, logs, reporter, siteDir } = options;
  const stepNos = new Set([...memory.stepsStarted.keys(), ...memory.stepsEnded.keys()]);
  for (const stepNo of stepNos) {
    const ended = memory.stepsEnded.get(stepNo);
    if (ended !== undefined) reporter.report(toStepReport(ended));
    const masksCount = memory.stepsStarted.get(stepNo)?.masksCount;
    const spoolPath = (no: number) => `${siteDir}/spool/${no}`;
    const log = createStepLog({ logs, stepNo, spoolPath, masksCount });
    if (ended !== undefined) await log.addAgain(ended.parts);
    else await addCutShort(options, stepNo, log);
    log.end();
  }
}

/** A step in the middle: its parts in order, and whatever the last of them wrote. */
async function addCutShort({ plan, memory, remains }: RemainsOptions, stepNo: number, log: StepLog): Promise<void> {
  let partNo = 0;
  let isGroup = false;
  for (;;) {
    partNo++;
    const part = memory.parts.get(partKey(stepNo, partNo));
    if (part === undefined) break;
    isGroup = true;
    if (part.result !== undefined) {
      await log.addAgain(part.result.parts);
      partNo += part.result.innerPartsCount ?? 0;
    } else if (part.started !== undefined) {
      log.addText(part.started.text);
      await addProcess(backendNo(plan, stepNo, partNo), log, remains);
    }
  }
  if (!isGroup) await addProcess(backendNo(plan, stepNo), log, remains);
}

async function addProcess(no: number, log: StepLog, remains: SiteRemains | undefined): Promise<void> {
  const exit = remains?.exits.get(no);
  if (exit === undefined) return log.addSpool(no);
  const part: StepPart = { kind: "process", backendNo: no, rawBytes: exit.spoolBytes };
  await log.addAgain([part]);
}
