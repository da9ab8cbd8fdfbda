import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow pool alias set` */
export async function setAlias(
  context: CommandContext,
  options: FarmOptions,
  alias = "",
  ...labels: string[]
): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("setLabelAlias", { params: { alias }, body: { labels } });
  if (options.json) return printJson(context.terminal, json);
  const agents = answer.agents_count === 1 ? "1 agent has" : `${answer.agents_count} agents have`;
  say(context.terminal, `${answer.alias} stands for ${answer.labels.join(", ")}: ${agents} that now.`);
}
