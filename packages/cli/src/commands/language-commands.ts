import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** What works on workflow files here, without a farm: `windrow lint`, `windrow plan` and `windrow init`. */
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

  const plan = program
    .command("plan")
    .summary("what a workflow file would run, without running it")
    .description(
      "The jobs a workflow file would run for an event: every matrix expanded, why others are skipped, and which pool has " +
        "agents for each (where a farm is reachable). Called workflows of this repository are read from the files here. " +
        "Without a payload the event is made up from this repository",
    )
    .argument("<file>", "the workflow file, or its name in the folder of workflows")
    .option("-e, --event <event>", "what happens: push, pull_request, workflow_dispatch, schedule, …", "push")
    .option("--ref <ref>", "branch, or a full ref such as refs/tags/v1 (default: the branch here)")
    .option("--payload <file>", "the event's document as JSON")
    .option("-i, --input <name=value>", "an input of workflow_dispatch; may be repeated", collect)
    .option("--var <name=value>", "a variable of the farm (vars.NAME); may be repeated", collect)
    .addHelpText(
      "after",
      `${examples(
        "windrow plan .github/workflows/ci.yml",
        "windrow plan ci.yml --ref refs/tags/v1.2.0",
        "windrow plan ci.yml --event pull_request --payload opened.json --json",
        "windrow plan deploy.yml --event workflow_dispatch --input target=staging",
      )}\nExit code: 0 planned (also when nothing would run), 1 errors in a file, 3 usage, 5 no such file.\n`,
    );
  bindWork(addFarmOptions(plan, ["repo"]), context, async () => (await import("../plan/plan-command.ts")).planCommand);

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

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
