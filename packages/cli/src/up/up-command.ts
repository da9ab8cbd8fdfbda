import type { Command } from "commander";
import { defaultDataFolder } from "../config/local-farm.ts";
import { outliveTerminal } from "./outlive-terminal.ts";
import { compileUpOptions, UP_DEFAULTS, type UpFlags } from "./up-options.ts";

const EXAMPLES = `
Examples:
  windrow up                                     a farm on http://127.0.0.1:${UP_DEFAULTS.port}, kept in ~/.local/share/windrow
  windrow up --data /srv/farm --agents 4         elsewhere, with four agents
  windrow up --labels gpu,big                    more labels for its agents
  WINDROW_AGENT_BACKEND=sandbox windrow up       its agents keep jobs in a sandbox
  WINDROW_AGENT_DOCKER=/srv/docker.sock windrow up   containers by another engine than that at /var/run/docker.sock
  windrow up --port 8070 --grpc-port 8071 --nats-port 8072
  windrow up --listen 0.0.0.0                    for other machines, too: https on port ${UP_DEFAULTS.tlsPort}, with the farm's own certificate
  windrow up --listen 0.0.0.0 --public-url https://farm.example.org:${UP_DEFAULTS.tlsPort} --tls-cert farm.crt --tls-key farm.key
  windrow up --json                              one JSON object per line, for scripts: wait for {"event":"ready"}
`;

/** Adds `windrow up` to the program. */
export function registerUp(program: Command): void {
  program
    .command("up")
    .summary("run a whole farm on this machine")
    .description("Run a whole farm on this machine: Postgres, nats-server, a controller and agents, until Ctrl-C.")
    .option("--data <folder>", "where everything is kept (default: ~/.local/share/windrow)")
    .option("--port <number>", `HTTP, page and git (default: ${UP_DEFAULTS.port})`)
    .option("--grpc-port <number>", `agents' connections (default: ${UP_DEFAULTS.grpcPort})`)
    .option("--nats-port <number>", `messages to agents (default: ${UP_DEFAULTS.natsPort})`)
    .option("--tls-port <number>", `HTTPS: the same page, API and git (default: ${UP_DEFAULTS.tlsPort})`)
    .option(
      "--listen <address>",
      `address for HTTPS, agents and messages, 0.0.0.0 for all; others than loopback speak TLS only, and plain HTTP stays on 127.0.0.1 (default: ${UP_DEFAULTS.listen})`,
    )
    .option("--tls-cert <file>", "certificate (PEM, with its chain) to show people instead of one of the farm's own")
    .option("--tls-key <file>", "its private key (PEM)")
    .option("--public-url <url>", "how people reach the farm, for links (default: its address here)")
    .option("--agents <number>", `how many agents to run (default: ${UP_DEFAULTS.agents})`)
    .option("--slots <number>", "jobs each agent runs at a time (default: the machine's cores shared among them)")
    .option(
      "--labels <labels>",
      "labels of the agents beside those found on the machine (WINDROW_AGENT_LABELS); ubuntu-latest needs none, it is an alias of linux",
    )
    .option("--actions-dir <folder>", "git mirrors of actions at OWNER/NAME (WINDROW_ACTIONS_DIR)")
    .option("--actions-url <url>", "git server with actions at URL/OWNER/NAME.git (WINDROW_ACTIONS_URL)")
    .option("--actions-allowed <list>", "owner/name or owner/*, with commas (WINDROW_ACTIONS_ALLOWED; default: *)")
    .option(
      "--actions-shared <list>",
      "hosted repositories that other owners' runs may use as actions (WINDROW_ACTIONS_SHARED; default: none)",
    )
    .option("--no-sample", "do not push and build the sample repository at the first start")
    .option("--json", "print one JSON object per event on stdout")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: UpFlags) => {
      const options = compileUpOptions(flags, defaultDataFolder(process.env), process.env);
      // only here, so that other commands start without the servers' code
      const { runUp } = await import("./run-up.ts");
      outliveTerminal([process.stdout, process.stderr]);
      process.exitCode = await runUp({ options, out: process.stdout, err: process.stderr, environment: process.env });
    });
}
