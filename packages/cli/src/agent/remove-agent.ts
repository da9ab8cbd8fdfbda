import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { say } from "../output/print.ts";

/** `windrow agent remove` */
export async function removeAgent(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  await farm.api.call("removeAgent", { params: { agent: name } });
  say(context.terminal, `${name} is removed and its credential worth nothing; jobs it held run elsewhere.`);
}
