import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";

const RUN_ARGUMENT = "its id, with or without #, or `latest`";

/** `windrow run …` */
export function addRunCommands(program: Command, context: TreeContext): void {
  const run = program
    .command("run")
    .description("list, view, watch, start, cancel and repeat runs")
    .addHelpText(
      "after",
      examples(
        "windrow run list",
        "windrow run watch latest",
        "windrow run logs 12 --failed",
        "windrow run start deploy.yml --input target=staging",
      ),
    );

  const list = run
    .command("list")
    .alias("ls")
    .description("Runs, newest first; those of this repository when its git remote is a farm")
    .option("-b, --branch <branch>", "only of this branch")
    .option("-w, --workflow <workflow>", "only of this workflow (file or name)")
    .addOption(new Option("-s, --state <state>", "only in this state").choices(["waiting", "running", "finished"]))
    .addOption(
      new Option("-c, --conclusion <conclusion>", "only that ended so").choices([
        "success",
        "failure",
        "cancelled",
        "skipped",
      ]),
    )
    .option("-n, --limit <count>", "at most so many (up to 200)", "20")
    .option("-a, --all", "of every repository")
    .addHelpText(
      "after",
      examples("windrow run list", "windrow run list --branch main --conclusion failure", "windrow run list -a --json"),
    );
  bindWork(addFarmOptions(list, ["repo"]), context, async () => (await import("../run/list-runs.ts")).listRuns);

  const view = run
    .command("view")
    .description("One run: jobs, steps, why a job waits, what is wrong in the workflow")
    .argument("[run]", RUN_ARGUMENT, "latest")
    .option("--attempt <number>", "an earlier attempt's jobs")
    .addHelpText("after", examples("windrow run view 12", "windrow run view latest --json"));
  bindWork(addFarmOptions(view, ["repo"]), context, async () => (await import("../run/view-run.ts")).viewRun);

  const watch = run
    .command("watch")
    .description("Follow a run until it ends; Ctrl-C leaves the run alone")
    .argument("[run]", RUN_ARGUMENT, "latest")
    .option("--no-logs", "off a terminal: only changes of state, no log lines")
    .addHelpText("after", examples("windrow run watch", "windrow run watch 12 && ./deploy.sh") + EXIT_NOTE);
  bindWork(
    addFarmOptions(watch, ["repo"]),
    context,
    async () => (await import("../run/watch-command.ts")).watchCommand,
  );

  const logs = run
    .command("logs")
    .description("Log bytes; of one job exactly as the job wrote them")
    .argument("[run]", RUN_ARGUMENT, "latest")
    .option("-j, --job <job>", "only this job (name or id)")
    .option("--failed", "only jobs that failed")
    .option("--step <number>", "only this step (from 1; 0 is the job's own stream)")
    .option("--attempt <number>", "of an earlier attempt of the job")
    .option("-f, --follow", "go on until the run ends")
    .addHelpText("after", examples("windrow run logs 12 --failed", "windrow run logs 12 --job build > build.log"));
  bindWork(addFarmOptions(logs, ["repo"]), context, async () => (await import("../run/run-logs.ts")).runLogs);

  const start = run
    .command("start")
    .description("Start a workflow by hand")
    .argument("[workflow]", "file or path; every workflow that allows it when left out")
    .option("--ref <ref>", "branch or tag (default: the branch checked out here, else the default branch)")
    .option("-i, --input <name=value>", "an input of the workflow; may be repeated", collect)
    .option("--wait", "follow it until it ends")
    .addHelpText(
      "after",
      examples("windrow run start deploy.yml --ref main --input target=staging --wait") + EXIT_NOTE,
    );
  bindWork(addFarmOptions(start, ["repo"]), context, async () => (await import("../run/start-run.ts")).startRun);

  const cancel = run
    .command("cancel")
    .description("Ask a run, or one job, to end")
    .argument("<run>", RUN_ARGUMENT)
    .option("-j, --job <job>", "only this job (name or id)")
    .option("-m, --reason <text>", "shown wherever the cancellation is")
    .addHelpText("after", examples("windrow run cancel 12 -m 'wrong branch'"));
  bindWork(addFarmOptions(cancel, ["repo"]), context, async () => (await import("../run/cancel-run.ts")).cancelRun);

  const rerun = run
    .command("rerun")
    .description("Run it again at the same commit")
    .argument("<run>", RUN_ARGUMENT)
    .option("--failed", "only jobs that failed, and what needs them")
    .option("-j, --job <job>", "only this job (name or id), and what needs it")
    .option("--wait", "follow it until it ends")
    .addHelpText("after", examples("windrow run rerun 12 --failed --wait") + EXIT_NOTE);
  bindWork(addFarmOptions(rerun, ["repo"]), context, async () => (await import("../run/rerun-run.ts")).rerunRun);
}

const EXIT_NOTE = "\nExit code: 0 succeeded, 1 failed, 2 cancelled, 130 interrupted.\n";

/** The examples under a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
