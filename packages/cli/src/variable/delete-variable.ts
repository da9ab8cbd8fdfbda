import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { describeLevel, type LevelOptions, variableLevel } from "./variable-level.ts";

export type DeleteVariableOptions = Omit<FarmOptions, "repo"> & LevelOptions;

/** `windrow variable delete` */
export async function deleteVariable(
  context: CommandContext,
  options: DeleteVariableOptions,
  name = "",
): Promise<undefined> {
  const level = variableLevel(options);
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("deleteVariable", { params: { name }, query: level });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `${answer.name} of ${describeLevel(answer)} is deleted`);
}
