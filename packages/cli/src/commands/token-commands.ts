import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow token …` */
export function addTokenCommands(program: Command, context: TreeContext): void {
  const token = program
    .command("token")
    .description("create, list and revoke tokens of people, programs and joining agents")
    .addHelpText(
      "after",
      examples("windrow token create --join --uses 5", "windrow token list", "windrow token revoke alice"),
    );

  const create = token
    .command("create")
    .description("Make a token; its secret is shown once, on stdout")
    .argument("[name]", "who or what uses it; for a user token the actor of its pushes")
    .option("--join", "a token that makes a machine an agent")
    .option("--pool <pool>", "with --join: the pool its agents belong to (default: default)")
    .option("--uses <count>", "with --join: how many agents may join with it (default: 1)")
    .option("--ttl <duration>", "how long it lives, for example 30m, 12h, 7d (join tokens: 1h unless given)")
    .addOption(
      new Option("--role <role>", "of a user token (default: developer)").choices(["admin", "developer", "reader"]),
    )
    .option("--owner <owner>", "of a user token: reaches only this owner's repositories")
    .addHelpText(
      "after",
      examples(
        "windrow token create --join --pool python --ttl 1h --uses 5",
        "windrow token create alice --role developer",
      ),
    );
  bindWork(addFarmOptions(create), context, async () => (await import("../token/create-token.ts")).createToken);

  const list = token
    .command("list")
    .alias("ls")
    .description("All tokens, without their secrets")
    .addOption(new Option("--kind <kind>", "only of this kind").choices(["user", "join"]))
    .addHelpText("after", examples("windrow token list --kind join"));
  bindWork(addFarmOptions(list), context, async () => (await import("../token/list-tokens.ts")).listTokens);

  const revoke = token
    .command("revoke")
    .description("Make a token worthless at once")
    .argument("<token>", "its id, name or first characters, as `windrow token list` shows them")
    .addHelpText("after", examples("windrow token revoke alice"));
  bindWork(addFarmOptions(revoke), context, async () => (await import("../token/revoke-token.ts")).revokeToken);
}
