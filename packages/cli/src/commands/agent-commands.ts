import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** The agent's own exit codes reach whoever started the command: a service manager acts on them. */
const AGENT_EXITS = `
Exits 0 after an orderly stop, 1 when something went wrong or a newer process of the same agent took over, and 3 when the
configuration or credential is wrong, so that a service manager does not restart it (systemd: RestartPreventExitStatus=3).
`;

/** `windrow agent …` */
export function addAgentCommands(program: Command, context: TreeContext): void {
  const agent = program
    .command("agent")
    .description("join, run, list, view, drain, resume and remove agents")
    .addHelpText(
      "after",
      examples(
        "windrow agent list",
        "windrow agent join https://farm:7443 --token-file join-token",
        "windrow agent drain agent-1 -m 'kernel update'",
      ),
    );

  const join = agent
    .command("join")
    .description("Make this machine an agent of a farm, and run it until Ctrl-C")
    .argument("<url>", "the farm's address")
    .option("--token-file <file>", "a file that holds the join token (wrj_…), made with: windrow token create --join")
    .option(
      "--token <token>",
      "the join token itself, or - to read it from stdin; other users of the machine may see it in the process list (WINDROW_JOIN_TOKEN)",
    );
  addProcessOptions(join).addHelpText(
    "after",
    examples(
      "windrow agent join https://farm:7443 --token-file join-token",
      "windrow agent join https://farm:7443 --token wrj_…",
      "windrow agent join https://10.0.0.1:7443 --token - --name big-1 --slots 8 --labels gpu,python < join-token",
    ),
  );
  bindWork(join, context, async () => (await import("../agent/join-agent.ts")).joinAgent);

  const run = agent
    .command("run")
    .description("Run the agent that joined from this machine earlier, until Ctrl-C")
    .addHelpText("after", examples("windrow agent run", "windrow agent run --dir /srv/windrow-agent"))
    .addHelpText("after", AGENT_EXITS);
  addProcessOptions(run);
  bindWork(run, context, async () => (await import("../agent/run-agent.ts")).runAgent);

  const list = agent
    .command("list")
    .alias("ls")
    .description("All agents but removed ones")
    .option("-p, --pool <pool>", "only of this pool")
    .addOption(
      new Option("-s, --state <state>", "only in this state").choices([
        "joining",
        "ready",
        "draining",
        "suspect",
        "lost",
        "removed",
      ]),
    )
    .addHelpText("after", examples("windrow agent list", "windrow agent list --state ready --json"));
  bindWork(addFarmOptions(list), context, async () => (await import("../agent/list-agents.ts")).listAgents);

  const view = agent
    .command("view")
    .description("One agent and what it holds")
    .argument("<agent>", "its name or id")
    .addHelpText("after", examples("windrow agent view agent-1"));
  bindWork(addFarmOptions(view), context, async () => (await import("../agent/view-agent.ts")).viewAgent);

  const drain = agent
    .command("drain")
    .description("Take nothing new; what runs is finished. Waits until the agent is empty")
    .argument("<agent>", "its name or id")
    .option("-m, --reason <text>", "shown wherever the agent is")
    .option("--detach", "do not wait until it is empty")
    .option("--deadline <duration>", "wait no longer than this, for example 30m (exit code 6)")
    .addHelpText(
      "after",
      examples("windrow agent drain agent-1 -m 'kernel update'", "windrow agent drain agent-1 --deadline 30m"),
    );
  bindWork(addFarmOptions(drain), context, async () => (await import("../agent/drain-agent.ts")).drainAgent);

  const resume = agent
    .command("resume")
    .description("Let a drained agent take work again")
    .argument("<agent>", "its name or id")
    .addHelpText("after", examples("windrow agent resume agent-1"));
  bindWork(addFarmOptions(resume), context, async () => (await import("../agent/resume-agent.ts")).resumeAgent);

  const remove = agent
    .command("remove")
    .alias("rm")
    .description("Remove an agent for good; jobs it holds run elsewhere")
    .argument("<agent>", "its name or id")
    .addHelpText("after", examples("windrow agent remove agent-1"));
  bindWork(addFarmOptions(remove), context, async () => (await import("../agent/remove-agent.ts")).removeAgent);
}

function addProcessOptions(command: Command): Command {
  return command
    .option("--name <name>", "how the farm calls it (default: made from the host name)")
    .option(
      "--slots <count>",
      "how many jobs at a time; `auto` is one per two processors (default: what the pool says, else 1)",
    )
    .option("--labels <labels>", "labels beside those found on the machine, with commas between them")
    .option(
      "--dir <folder>",
      "where it keeps its credential and works (WINDROW_AGENT_DIR; default: ~/.local/share/windrow-agent, for root /var/lib/windrow/agent)",
    )
    .addOption(
      new Option(
        "--backend <backend>",
        "how steps run: as processes of this machine, or in a sandbox of bubblewrap (WINDROW_AGENT_BACKEND; default: host)",
      ).choices(["host", "sandbox"]),
    )
    .option(
      "--docker-socket <path>",
      "the engine that makes containers of jobs (WINDROW_AGENT_DOCKER; default: /var/run/docker.sock, if it answers and the agent is root)",
    )
    .option("--no-docker", "jobs here have no containers (WINDROW_AGENT_DOCKER=off)")
    .option(
      "--cache-disk <share>",
      "what tools, actions, mirrors and images may take of the disk together, for example 20% or 50G (WINDROW_AGENT_CACHE_DISK; default: 20%)",
    )
    .option(
      "--disk-reserve <share>",
      "caches are dropped, and then jobs refused, when less of the disk is free (WINDROW_AGENT_DISK_RESERVE; default: 5%, at most 5G)",
    )
    .option("--once", "take one job, then leave (WINDROW_AGENT_ONCE=1)")
    .option("--idle-timeout <duration>", "leave when there was no job for this long, for example 10m")
    .option("--max-uptime <duration>", "take nothing new after this long, finish, and leave, for example 8h")
    .addOption(new Option("--log-level <level>", "how much it says").choices(["debug", "info", "warn", "error"]));
}
