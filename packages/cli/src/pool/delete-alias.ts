import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow pool alias delete` */
export async function deleteAlias(context: CommandContext, options: FarmOptions, alias: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("deleteLabelAlias", { params: { alias } });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `The label alias ${answer.alias} is deleted.`);
}
