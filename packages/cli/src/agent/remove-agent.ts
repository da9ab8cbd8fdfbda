import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow agent remove` */
export async function removeAgent(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("removeAgent", { params: { agent: name } });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `${answer.name} is removed and its certificate worth nothing; jobs it held run elsewhere.`);
}
