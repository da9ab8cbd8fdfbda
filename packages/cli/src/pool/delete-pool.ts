import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow pool delete` */
export async function deletePool(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("deletePool", { params: { pool: name } });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `The pool ${answer.name} is deleted; its join tokens are revoked.`);
}
