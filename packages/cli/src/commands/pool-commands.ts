import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { addPoolScalingCommands } from "./pool-scaling-commands.ts";
import { addPoolUpgradeCommand } from "./pool-upgrade-commands.ts";
import { examples } from "./run-commands.ts";

/** `windrow pool …` */
export function addPoolCommands(program: Command, context: TreeContext): void {
  const pool = program
    .command("pool")
    .description("list, view, set and delete pools of agents, and the words that stand for their labels")
    .addHelpText(
      "after",
      examples("windrow pool list", "windrow pool view python", "windrow pool set gpu --labels gpu,linux --weight 2"),
    );

  const list = pool
    .command("list")
    .alias("ls")
    .description("All pools")
    .addHelpText("after", examples("windrow pool list", "windrow pool list --json"));
  bindWork(addFarmOptions(list), context, async () => (await import("../pool/list-pools.ts")).listPools);

  const view = pool
    .command("view")
    .description("One pool")
    .argument("<pool>", "its name")
    .addHelpText("after", examples("windrow pool view python"));
  bindWork(addFarmOptions(view), context, async () => (await import("../pool/view-pool.ts")).viewPool);

  const set = pool
    .command("set")
    .description("Make a pool, or change what is given of it")
    .argument("<pool>", "its name: small letters, digits and -")
    .option("--description <text>", "one line for people")
    .option("--labels <labels>", "labels that all of its agents have beside their own, with commas between them")
    .option("--slots <count>", "slots of agents that join without saying how many, or none")
    .option("--priority <number>", "of the pools that match a job the highest gets it (-1000 to 1000)")
    .option("--weight <number>", "among pools of one priority jobs are shared out in proportion to it (1 to 1000)")
    .option("--jobs-max <count>", "at most so many jobs at a time, or none")
    .option("--untrusted", "let work of strangers run here")
    .option("--no-untrusted", "keep work of strangers out")
    .option("--suspect-after <duration>", "a silent agent gets nothing new after this long, for example 15s")
    .option("--lost-after <duration>", "a silent agent's jobs run elsewhere after this long, for example 30s")
    .addOption(
      new Option("--confinement <where>", "jobs are processes of the machine, or stand in a sandbox").choices([
        ...["host", "sandbox", "default"],
      ]),
    )
    .addOption(
      new Option("--egress <what>", "what sandboxed and containerised jobs reach of the outside").choices([
        ...["all", "none", "allow"],
      ]),
    )
    .option("--egress-hosts <hosts>", "with --egress allow: names, *.names or addresses, each with :port, and commas")
    .addOption(new Option("--farm-access <on>", "such jobs reach the farm's own servers").choices(["on", "off"]))
    .addOption(new Option("--containers <on>", "jobs may have containers").choices(["on", "off"]))
    .option(
      "--container-allow <what>",
      "what containers may have besides: privileged, cap:NAME, device:/dev/…, volume:/…, network:host, pid:host, ipc:host; or none",
    )
    .option("--job-memory <amount>", "one job has at most so much memory, for example 4GiB, or none")
    .option("--job-processes <count>", "one job has at most so many processes, or none")
    .option("--job-disk <amount>", "one job's work folder has at most so much, for example 20GiB, or none")
    .option("--job-log <amount>", "so much of one job's log is stored, or none for what is usual (512MiB)")
    .option("--file <file>", "a JSON file with fields as the API takes them (also scaling and provider), - for stdin");
  addProviderOptions(set).addHelpText(
    "after",
    examples(
      "windrow pool set python --jobs-max 20 --priority 10",
      "windrow pool set gpu --labels gpu,cuda-12 --lost-after 1m --untrusted",
      "windrow pool set go --provider docker --docker-image windrow-agent-go",
      "windrow pool set node --file node-pool.json",
      "windrow pool set strangers --untrusted --egress allow --egress-hosts registry.npmjs.org --job-memory 4GiB",
    ),
  );
  bindWork(addFarmOptions(set), context, async () => (await import("../pool/set-pool.ts")).setPool);

  const remove = pool
    .command("delete")
    .alias("rm")
    .description("Delete a pool that has no agents and no work; its join tokens are revoked")
    .argument("<pool>", "its name")
    .addHelpText("after", examples("windrow pool delete gpu"));
  bindWork(addFarmOptions(remove), context, async () => (await import("../pool/delete-pool.ts")).deletePool);

  addPoolUpgradeCommand(pool, context);
  addPoolScalingCommands(pool, context, addProviderOptions);
  addAliasCommands(pool, context);
}

function addProviderOptions(set: Command): Command {
  const group = "Provider (who makes machines for the pool's agents):";
  const add = (flags: string, description: string) => set.addOption(new Option(flags, description).helpGroup(group));
  set.addOption(
    new Option("--provider <kind>", "process, docker, command or none")
      .choices(["process", "docker", "command", "none"])
      .helpGroup(group),
  );
  add("--host <name>", "with process: host name of the machine whose controller runs the agents");
  add("--docker-socket <address>", "with docker: unix:///var/run/docker.sock (default) or tcp://host:port");
  add("--docker-image <image>", "with docker: the agents' image");
  add("--docker-network <network>", "with docker: the containers' network");
  add("--docker-memory <mebibytes>", "with docker: memory of a container");
  add("--docker-cpus <count>", "with docker: processors of a container");
  add("--create <command>", "with command: absolute path of a program and its arguments, with spaces between them");
  add("--destroy <command>", "with command: the same, to end a machine");
  add("--list <command>", "with command: the same, to list machines");
  add("--command-timeout <duration>", "with command: how long each may take");
  return set;
}

function addAliasCommands(pool: Command, context: TreeContext): void {
  const alias = pool
    .command("alias")
    .description("list, set and delete words that jobs ask for and that stand for labels (ubuntu-latest for linux)")
    .addHelpText("after", examples("windrow pool alias list", "windrow pool alias set ubuntu-latest linux x64"));

  const list = alias
    .command("list")
    .alias("ls")
    .description("All label aliases of the farm")
    .addHelpText("after", examples("windrow pool alias list"));
  bindWork(addFarmOptions(list), context, async () => (await import("../pool/list-aliases.ts")).listAliases);

  const set = alias
    .command("set")
    .description("Jobs that ask for the alias run on agents that have all of these labels")
    .argument("<alias>", "the word jobs ask for in runs-on")
    .argument("<labels...>", "labels that agents have")
    .addHelpText("after", examples("windrow pool alias set ubuntu-latest linux x64"));
  bindWork(addFarmOptions(set), context, async () => (await import("../pool/set-alias.ts")).setAlias);

  const remove = alias
    .command("delete")
    .alias("rm")
    .description("Delete a label alias; jobs that ask for it wait for an agent with a label of that name")
    .argument("<alias>", "its name")
    .addHelpText("after", examples("windrow pool alias delete ubuntu-22.04"));
  bindWork(addFarmOptions(remove), context, async () => (await import("../pool/delete-alias.ts")).deleteAlias);
}
