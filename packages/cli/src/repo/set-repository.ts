import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { parseFullName } from "./parse-full-name.ts";

export interface SetRepositoryOptions extends FarmOptions {
  readonly defaultBranch: string;
}

/** `windrow repo set` */
export async function setRepository(
  context: CommandContext,
  options: SetRepositoryOptions,
  text: string,
): Promise<undefined> {
  const params = parseFullName(text);
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("changeRepository", {
    params,
    body: { default_branch: options.defaultBranch },
  });
  if (options.json) await printJson(context.terminal, json);
  else say(context.terminal, `The default branch of ${answer.full_name} is ${answer.default_branch}.`);
}
