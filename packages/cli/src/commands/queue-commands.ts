import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

const JOB_ARGUMENT =
  "a job's id, `RUN/JOB` (a run's id and the job's name or key), or `#RUN` for all that waits of a run";

/** `windrow queue …` */
export function addQueueCommands(program: Command, context: TreeContext): void {
  const queue = program
    .command("queue")
    .description("what waits and why; move a job to the top, pause and resume pools")
    .addHelpText(
      "after",
      examples(
        "windrow queue list",
        "windrow queue why 12/build",
        "windrow queue top 345",
        "windrow queue pause --pool python -m 'new disks'",
      ),
    );

  const list = queue
    .command("list")
    .alias("ls")
    .description("Jobs that wait, each with its reason; by priority, then the oldest first")
    .option("-p, --pool <pool>", "only what this pool could run")
    .option("-o, --owner <owner>", "only of this owner's repositories")
    .option("-c, --code <code>", "only with this reason, for example all_busy")
    .addOption(new Option("--blocked", "also what waits for needs, groups or approval and is not in the queue yet"))
    .option("-n, --limit <count>", "at most so many (up to 200)", "50")
    .addHelpText(
      "after",
      examples(
        "windrow queue list",
        "windrow queue list --pool node --code all_busy",
        "windrow queue list -R me/my-app --blocked --json",
      ),
    );
  bindWork(addFarmOptions(list, ["repo"]), context, async () => (await import("../queue/list-queue.ts")).listQueue);

  const why = queue
    .command("why")
    .description("Why a job waits, what would let it start, its place in the queue, and when it may start")
    .argument("<job>", JOB_ARGUMENT)
    .addHelpText(
      "after",
      examples(
        "windrow queue why 345",
        "windrow queue why 12/build",
        "windrow queue why '#12'",
        "windrow queue why 345 --json",
      ),
    );
  bindWork(addFarmOptions(why), context, async () => (await import("../queue/explain-jobs.ts")).explainJobs);

  const top = queue
    .command("top")
    .description("Put a job before all that wait; the last one moved comes first (admins)")
    .argument("<job>", "a job's id, or `RUN/JOB`")
    .addHelpText("after", examples("windrow queue top 345", "windrow queue top 12/build"));
  bindWork(addFarmOptions(top), context, async () => (await import("../queue/move-to-top.ts")).moveToTop);

  const pause = queue
    .command("pause")
    .description("Let pools grant nothing more; what runs there goes on (admins)")
    .requiredOption("-p, --pool <pool>", "the pool, or `all`")
    .option("-m, --reason <text>", "shown with every job that waits for it")
    .addHelpText(
      "after",
      examples(
        "windrow queue pause --pool python -m 'new disks'",
        "windrow queue pause --pool all -m 'moving the database'",
      ),
    );
  bindWork(addFarmOptions(pause), context, async () => (await import("../queue/pause-pools.ts")).pausePools);

  const resume = queue
    .command("resume")
    .description("Let paused pools grant again (admins)")
    .requiredOption("-p, --pool <pool>", "the pool, or `all`")
    .addHelpText("after", examples("windrow queue resume --pool python", "windrow queue resume --pool all"));
  bindWork(addFarmOptions(resume), context, async () => (await import("../queue/pause-pools.ts")).resumePools);
}
