import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { EXIT } from "../exit-codes.ts";
import { printJson, say } from "../output/print.ts";

/** `windrow token revoke` */
export async function revokeToken(context: CommandContext, options: FarmOptions, text: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer: page } = await farm.api.call("listTokens", {});
  const valid = page.items.filter((token) => token.revoked_at === null);
  const found = valid.filter(
    (token) => token.id === text || token.name === text || (text.length >= 6 && token.prefix.startsWith(text)),
  );
  const [token, other] = found;
  if (token === undefined) {
    throw new CliError(`no valid token is ${JSON.stringify(text)}`, {
      code: "not_found",
      exitCode: EXIT.notFound,
      hint: "See them with: windrow token list",
    });
  }
  if (other !== undefined)
    throw usageError(
      `${JSON.stringify(text)} means ${found.length} tokens`,
      "Name it by its id; see them with: windrow token list",
    );
  const { answer, json } = await farm.api.call("revokeToken", { params: { token_id: token.id } });
  if (options.json) await printJson(context.terminal, json);
  else say(context.terminal, `The ${answer.kind} token ${answer.name} (${answer.prefix}…) is worthless from now on.`);
}
