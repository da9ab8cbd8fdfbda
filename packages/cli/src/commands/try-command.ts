import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow try` */
export function addTryCommand(program: Command, context: TreeContext): void {
  const command = program
    .command("try")
    .summary("build the working tree as it is, and follow it")
    .description(
      "Build the working tree as it is on the farm, tracked and untracked files alike (not what .gitignore names), and follow it. " +
        "Your index, branch and files stay untouched; what is built never satisfies branch rules and gets no environment secrets",
    )
    .argument("[workflow]", "file or name of one workflow; every workflow that a push here would start when left out")
    .option("-e, --event <event>", "as if this had happened to it, for example pull_request (default: a push)")
    .option(
      "--payload <file>",
      "with --event: the event's document as JSON; made up from this repository when left out",
    )
    .option("--detach", "do not follow it: print the runs and leave")
    .option("--no-logs", "off a terminal: only changes of state, no log lines")
    .addHelpText(
      "after",
      `${examples("windrow try", "windrow try ci.yml --detach", "windrow try -R me/my-app", "windrow try --event pull_request --payload opened.json")}\nExit code: 0 succeeded, 1 failed, 2 cancelled, 130 interrupted (the run goes on).\n`,
    );
  bindWork(addFarmOptions(command, ["repo"]), context, async () => (await import("../try/try-command.ts")).tryCommand);
}
