import type { Command } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow pool scale` and `windrow pool simulate` */
export function addPoolScalingCommands(
  pool: Command,
  context: TreeContext,
  addProviderOptions: (command: Command) => Command,
): void {
  const scale = pool
    .command("scale")
    .description("Say how many agents a pool is to have; what is not given stays as it is")
    .argument("<pool>", "its name");
  addPolicyOptions(scale).option("--off", "do not scale it any more; the agents it has stay");
  addProviderOptions(scale).addHelpText(
    "after",
    examples(
      "windrow pool scale python --min 0 --max 8 --provider process",
      "windrow pool scale python --max 20 --warm 1 --idle 5m --target-wait 10s",
      "windrow pool scale go --max 10 --ephemeral --provider docker --docker-image windrow-agent-go",
      "windrow pool scale node --window 'mon-fri 08:00-18:00 Europe/Berlin min=2' --window 'sat,sun 00:00-00:00 max=2'",
      "windrow pool scale python --off",
    ),
  );
  bindWork(addFarmOptions(scale), context, async () => (await import("../pool/scale-pool.ts")).scalePool);

  const simulate = pool
    .command("simulate")
    .description("Replay a pool's recorded jobs against a changed policy: waits and agent-hours beside today's")
    .argument("<pool>", "its name");
  addPolicyOptions(simulate)
    .option("--since <duration>", "how much history is replayed, at most 30d (default: 24h)")
    .addHelpText(
      "after",
      examples(
        "windrow pool simulate python --min 0 --max 8 --target-wait 10s",
        "windrow pool simulate python --warm 2 --since 7d",
      ),
    );
  bindWork(addFarmOptions(simulate), context, async () => (await import("../pool/simulate-pool.ts")).simulatePool);
}

function addPolicyOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];
  return command
    .option("--min <count>", "agents, never fewer; 0 scales to zero")
    .option("--max <count>", "agents, never more")
    .option("--warm <count>", "idle agents that are kept ready beside those that work")
    .option("--idle <duration>", "an agent that is not needed goes when it has been idle for so long")
    .option("--target-wait <duration>", "jobs are to start within this")
    .option("--target-percent <percent>", "so many of 100 of them")
    .option("--ephemeral", "an agent takes one job and is gone")
    .option("--no-ephemeral", "agents stay for the next job")
    .option(
      "--window <window>",
      "other bounds at some hours: days, hours, time zone, min=, max=, warm=; may be repeated, the last one counts; none takes all away",
      collect,
    );
}
