import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { wholeNumber } from "../pool/read-numbers.ts";

export interface SetOwnerOptions extends FarmOptions {
  readonly weight: string;
}

/** `windrow repo owner set` */
export async function setOwner(context: CommandContext, options: SetOwnerOptions, owner: string): Promise<undefined> {
  const weight = wholeNumber("--weight", options.weight);
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("changeOwner", { params: { owner }, body: { weight } });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `The weight of ${answer.name} among the owners is ${answer.weight}.`);
}
