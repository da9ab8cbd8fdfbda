import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow repo …` */
export function addRepoCommands(program: Command, context: TreeContext): void {
  const repo = program
    .command("repo")
    .description("list, add, set and delete repositories, and their owners' shares")
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
    .option("--default-branch <branch>", "the branch meant when none is named")
    .option(
      "--jobs-max <count>",
      "at most so many of its jobs run at a time, or none (only an admin of the whole farm)",
    )
    .option("--weight <number>", "its share among its owner's repositories when jobs wait (1 to 1000)")
    .option("--readable-by <whose>", "whose jobs may read it: own, owner (trusted ones of its owner) or farm")
    .addHelpText(
      "after",
      examples(
        "windrow repo set me/my-app --default-branch trunk",
        "windrow repo set me/my-app --jobs-max 5 --weight 2",
        "windrow repo set me/my-app --jobs-max none",
        "windrow repo set me/my-library --readable-by owner",
      ),
    );
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

  addOwnerCommands(repo, context);
}

function addOwnerCommands(repo: Command, context: TreeContext): void {
  const owner = repo
    .command("owner")
    .description("list owners of repositories, and set their shares of the farm")
    .addHelpText("after", examples("windrow repo owner list", "windrow repo owner set me --weight 3"));

  const list = owner
    .command("list")
    .alias("ls")
    .description("All owners with their weights")
    .addHelpText("after", examples("windrow repo owner list"));
  bindWork(addFarmOptions(list), context, async () => (await import("../repo/list-owners.ts")).listOwners);

  const set = owner
    .command("set")
    .description("Set an owner's share of the farm when jobs of several owners wait")
    .argument("<owner>", "its name")
    .requiredOption("--weight <number>", "an owner of weight 3 gets three times as much as one of weight 1 (1 to 1000)")
    .addHelpText("after", examples("windrow repo owner set me --weight 3"));
  bindWork(addFarmOptions(set), context, async () => (await import("../repo/set-owner.ts")).setOwner);
}
