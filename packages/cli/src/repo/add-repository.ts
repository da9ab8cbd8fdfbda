import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { parseFullName } from "./parse-full-name.ts";

export interface AddRepositoryOptions extends FarmOptions {
  readonly defaultBranch?: string;
}

/** `windrow repo add` */
export async function addRepository(
  context: CommandContext,
  options: AddRepositoryOptions,
  text: string,
): Promise<undefined> {
  const { terminal } = context;
  const named = text.includes("/") ? parseFullName(text) : { name: text };
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("addRepository", {
    body: { ...named, ...(options.defaultBranch === undefined ? {} : { default_branch: options.defaultBranch }) },
  });
  if (options.json) return printJson(terminal, json);
  await printLines(terminal, [answer.clone_url]);
  say(terminal, `${answer.full_name} is there. Push to it with:`);
  say(terminal, `  git push ${answer.clone_url} ${answer.default_branch}`);
}
