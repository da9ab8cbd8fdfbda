import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow repo …` */
export function addRepoCommands(program: Command, context: TreeContext): void {
  const repo = program
    .command("repo")
    .description("list, add, set and delete repositories")
    .addHelpText("after", examples("windrow repo list", "windrow repo add me/my-app"));

  const list = repo
    .command("list")
    .alias("ls")
    .description("All repositories")
    .addHelpText("after", examples("windrow repo list"));
  bindWork(addFarmOptions(list), context, async () => (await import("../repo/list-repositories.ts")).listRepositories);

  const add = repo
    .command("add")
    .description("Add an empty repository (a push to a new name does the same)")
    .argument("<repository>", "owner/name, or a name alone for your default owner")
    .option("--default-branch <branch>", "default: main")
    .addHelpText("after", examples("windrow repo add me/my-app"));
  bindWork(addFarmOptions(add), context, async () => (await import("../repo/add-repository.ts")).addRepository);

  const set = repo
    .command("set")
    .description("Change a repository")
    .argument("<repository>", "owner/name")
    .requiredOption("--default-branch <branch>", "the branch meant when none is named")
    .addHelpText("after", examples("windrow repo set me/my-app --default-branch trunk"));
  bindWork(addFarmOptions(set), context, async () => (await import("../repo/set-repository.ts")).setRepository);

  const remove = repo
    .command("delete")
    .description("Delete a repository; its runs stay")
    .argument("<repository>", "owner/name")
    .option("--yes", "do it; without this only what would happen is said")
    .addHelpText("after", examples("windrow repo delete me/my-app --yes"));
  bindWork(
    addFarmOptions(remove),
    context,
    async () => (await import("../repo/delete-repository.ts")).deleteRepository,
  );
}
