import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { chooseJobs, findRunId } from "./find-run.ts";

export interface CancelRunOptions extends FarmOptions {
  readonly job?: string;
  readonly reason?: string;
}

/** `windrow run cancel` */
export async function cancelRun(context: CommandContext, options: CancelRunOptions, text: string): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const runId = await findRunId(farm, text);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  if (options.job !== undefined) {
    const { answer: run } = await farm.api.call("viewRun", { params: { run_id: runId } });
    const jobs: unknown[] = [];
    for (const { id, name } of chooseJobs(run.jobs, options.job)) {
      const { answer, json } = await farm.api.call("cancelJob", { params: { job_id: id }, body });
      jobs.push(json);
      if (!options.json)
        say(
          terminal,
          answer.outcome === null ? `Job ${name} is asked to end.` : describeEnd(`Job ${name}`, answer.outcome),
        );
    }
    if (options.json) await printJson(terminal, jobs);
    return;
  }
  const { answer, json } = await farm.api.call("cancelRun", { params: { run_id: runId }, body });
  if (options.json) await printJson(terminal, json);
  else if (answer.conclusion === null)
    say(terminal, `Run #${runId} is asked to end; see it end with: windrow run watch ${runId}`);
  else say(terminal, describeEnd(`Run #${runId}`, answer.conclusion));
}

/** What only waited is cancelled at once, so that an end need not be one from before. */
function describeEnd(what: string, end: string): string {
  return end === "cancelled" ? `${what} is cancelled.` : `${what} ended already: ${end}.`;
}
