import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow variable …` */
export function addVariableCommands(program: Command, context: TreeContext): void {
  const variable = program
    .command("variable")
    .description("list, set and delete variables of jobs (vars.NAME)")
    .addHelpText(
      "after",
      examples(
        "windrow variable set REGION eu-1",
        "windrow variable set REGION eu-2 -R me/my-app",
        "windrow variable list -R me/my-app --effective",
      ),
    );

  const list = addLevelOptions(
    variable.command("list").alias("ls").description("Variables of the farm, of an owner or of a repository"),
  )
    .option("--effective", "with a repository: what its jobs see, from all three levels")
    .addHelpText("after", examples("windrow variable list", "windrow variable list --owner me --json"));
  bindWork(addFarmOptions(list), context, async () => (await import("../variable/list-variables.ts")).listVariables);

  const set = addLevelOptions(
    variable.command("set").description("Set a variable; a repository's wins over its owner's, that over the farm's"),
  )
    .argument("<name>", "letters, digits and _; kept in upper case")
    .argument("<value>", "its value, or - to read it from stdin")
    .addHelpText(
      "after",
      examples(
        "windrow variable set REGION eu-1 --owner me",
        "windrow variable set CONFIG - -R me/my-app < config.json",
      ),
    );
  bindWork(addFarmOptions(set), context, async () => (await import("../variable/set-variable.ts")).setVariable);

  const remove = addLevelOptions(variable.command("delete").alias("rm").description("Delete a variable"))
    .argument("<name>", "its name")
    .addHelpText("after", examples("windrow variable delete REGION", "windrow variable delete REGION -R me/my-app"));
  bindWork(
    addFarmOptions(remove),
    context,
    async () => (await import("../variable/delete-variable.ts")).deleteVariable,
  );
}

/** Only what is said here counts: a variable of the farm is not set for the repository one happens to stand in. */
function addLevelOptions(command: Command): Command {
  return command
    .option("--owner <owner>", "of this owner's repositories")
    .option("-R, --repo <owner/name>", "of this repository");
}
