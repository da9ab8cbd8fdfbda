import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { parseFullName } from "./parse-full-name.ts";

export interface DeleteRepositoryOptions extends FarmOptions {
  readonly yes?: boolean;
}

/** `windrow repo delete` */
export async function deleteRepository(
  context: CommandContext,
  options: DeleteRepositoryOptions,
  text: string,
): Promise<undefined> {
  const params = parseFullName(text);
  const farm = await openFarm(context, options);
  const { answer } = await farm.api.call("viewRepository", { params });
  if (!options.yes) {
    throw usageError(
      `this would delete ${answer.full_name} with all its branches; its runs stay`,
      `If that is meant: windrow repo delete ${answer.full_name} --yes`,
    );
  }
  const { json } = await farm.api.call("deleteRepository", { params });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `${answer.full_name} is deleted.`);
}
