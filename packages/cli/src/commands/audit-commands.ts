import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow audit …` */
export function addAuditCommands(program: Command, context: TreeContext): void {
  const audit = program
    .command("audit")
    .description("who changed what")
    .addHelpText("after", examples("windrow audit list", "windrow audit list --subject pool:python"));

  const list = audit
    .command("list")
    .alias("ls")
    .description("Changes that people made, newest first")
    .option("--subject <subject>", "what was changed: pool:python, or pool for all pools")
    .option("--action <action>", "pool.set, or pool for all of that noun")
    .option("--actor <name>", "who did it")
    .option("--limit <count>", "how many (default: 50, at most 200)")
    .option("--cursor <cursor>", "continue where an earlier list ended")
    .addHelpText(
      "after",
      examples("windrow audit list --actor alice --limit 20", "windrow audit list --subject agent --json"),
    );
  bindWork(addFarmOptions(list), context, async () => (await import("../audit/list-audit.ts")).listAudit);
}
