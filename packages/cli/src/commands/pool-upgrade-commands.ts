import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow pool upgrade` */
export function addPoolUpgradeCommand(pool: Command, context: TreeContext): void {
  const upgrade = pool
    .command("upgrade")
    .description("Bring the pool's agents to the farm's version, few at a time, and tell how it goes")
    .argument("<pool>", "its name")
    .option("--at-once <count>", "so many agents at the same time, at most (default: 1)")
    .option("--abort", "end the upgrade under way; agents that wait for their turn take work again")
    .option("--detach", "do not wait until it is over")
    .addHelpText(
      "after",
      examples(
        "windrow pool upgrade python",
        "windrow pool upgrade python --at-once 3",
        "windrow pool upgrade python --abort",
      ),
    );
  bindWork(addFarmOptions(upgrade), context, async () => (await import("../pool/upgrade-pool.ts")).upgradePool);
}
