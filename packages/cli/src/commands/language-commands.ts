import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { examples } from "./run-commands.ts";

/** What works on workflow files here, without a farm: `windrow lint` and `windrow init`. */
export function addLanguageCommands(program: Command, context: TreeContext): void {
  const lint = program
    .command("lint")
    .summary("check workflow files, without a farm")
    .description(
      "Check workflow files (and action.yml files, and .windrow/settings.yml) without a farm: every mistake with its line and column. " +
        "Without names: the workflows of this repository in .windrow/workflows, else .github/workflows, and its settings. " +
        "A folder stands for every YAML file in it",
    )
    .argument("[files...]", "files or folders")
    .option("--strict", "warnings are errors")
    .option("--json", "one JSON document")
    .option("--sarif", "one SARIF 2.1.0 document, for code review tools")
    .addHelpText(
      "after",
      `${examples("windrow lint", "windrow lint .github/workflows/ci.yml --strict", "windrow lint . --sarif > lint.sarif")}\nExit code: 0 no errors, 1 errors, 3 nothing to check.\n`,
    );
  bindWork(lint, context, async () => (await import("../lint/lint-command.ts")).lintCommand);

  const init = program
    .command("init")
    .summary("write a first workflow for this repository")
    .description(
      "Look at the project's files and write .windrow/workflows/ci.yml: a workflow that installs and tests it the way its " +
        "language usually does. It is what a push without any workflow file runs, for you to change",
    )
    .option("--language <language>", "when the files do not show it: node, python, go, rust, java, …")
    .option("--print", "print the workflow, write nothing")
    .option("--force", "also where there are workflows already")
    .option("--json", "say what was written as JSON")
    .addHelpText("after", examples("windrow init", "windrow init --print", "windrow init --language python --force"));
  bindWork(init, context, async () => (await import("../init/init-command.ts")).initCommand);
}
