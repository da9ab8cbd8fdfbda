import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { findOneJobId } from "./find-jobs.ts";
import { formatPosition } from "./queue-look.ts";

/** `windrow queue top` */
export async function moveToTop(context: CommandContext, options: FarmOptions, text: string): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const job = await findOneJobId(farm, text);
  const { answer, json } = await farm.api.call("moveJobToTop", { params: { job } });
  if (options.json) return printJson(terminal, json);
  const { reason } = answer;
  const position = formatPosition(answer);
  say(
    terminal,
    `Job ${answer.job_id} '${answer.name}' of run #${answer.run_id} goes first${position === "" ? "" : ` (${position})`}.`,
  );
  if (reason !== null && reason.code !== "starting") say(terminal, `It still waits: ${reason.sentence}`);
}
