import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow agent resume` */
export async function resumeAgent(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("resumeAgent", { params: { agent: name } });
  if (options.json) await printJson(context.terminal, json);
  else say(context.terminal, `${answer.name} takes work again.`);
}
