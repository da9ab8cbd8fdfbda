import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, say } from "../output/print.ts";
import { chooseJobs, findRunId } from "./find-run.ts";
import { waitForRun } from "./watch-command.ts";

export interface RerunOptions extends FarmOptions {
  readonly failed?: boolean;
  readonly job?: string;
  readonly wait?: boolean;
}

/** `windrow run rerun` */
export async function rerunRun(context: CommandContext, options: RerunOptions, text: string): Promise<ExitCode> {
  if (options.failed && options.job !== undefined) throw usageError("--failed and --job exclude each other");
  const farm = await openFarm(context, options);
  const runId = await findRunId(farm, text);
  const body = await (async () => {
    if (options.job === undefined) return { mode: options.failed ? ("failed" as const) : ("all" as const) };
    const { answer: run } = await farm.api.call("viewRun", { params: { run_id: runId } });
    const [job, other] = chooseJobs(run.jobs, options.job);
    if (other !== undefined)
      throw usageError(`${JSON.stringify(options.job)} means several jobs`, "Name one of them whole, or by its id");
    return { ...(job === undefined ? {} : { job_id: job.id }) };
  })();
  const { answer, json } = await farm.api.call("rerunRun", { params: { run_id: runId }, body });
  if (options.wait) return waitForRun(context, options, farm, runId);
  if (options.json) await printJson(context.terminal, json);
  else
    say(
      context.terminal,
      `Run #${runId} runs again (attempt ${answer.attempt}); watch it with: windrow run watch ${runId}`,
    );
  return EXIT.ok;
}
