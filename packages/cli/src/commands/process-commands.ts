import { type Command, Option } from "commander";
import { bindWork, type TreeContext } from "./command-context.ts";
import { addFarmOptions } from "./common-options.ts";
import { examples } from "./run-commands.ts";

/** `windrow controller` and `windrow doctor` */
export function addProcessCommands(program: Command, context: TreeContext): void {
  const controller = program
    .command("controller")
    .summary("run one controller, beside your own Postgres and NATS")
    .description("Run one controller until Ctrl-C, beside your own Postgres and NATS (for one machine: windrow up)")
    .option("--database-url <url>", "Postgres; required (WINDROW_DATABASE_URL)")
    .option("--nats-url <urls>", "NATS; without it offers reach agents up to a second later (WINDROW_NATS_URL)")
    .option(
      "--nats-keys-file <file>",
      "the operator's and account's keys; required with --nats-url (WINDROW_NATS_KEYS_FILE)",
    )
    .option("--data <folder>", "blobs and hosted repositories; required (WINDROW_DATA_DIR)")
    .option("--listen <address>", "address to listen on (WINDROW_LISTEN; default: 127.0.0.1)")
    .option("--port <number>", "HTTP, page and git (WINDROW_PORT; default: 7070)")
    .option("--grpc-port <number>", "agents (WINDROW_GRPC_PORT; default: 7071)")
    .option(
      "--tls-port <number>",
      "HTTPS on the listening address, and TLS for agents on others than loopback; plain HTTP stays on 127.0.0.1 then (WINDROW_TLS_PORT; default: everything is plain)",
    )
    .option(
      "--tls-cert <file>",
      "certificate to show people instead of one of the farm's own authority, which is kept in tls in the data folder (WINDROW_TLS_CERT_FILE)",
    )
    .option("--tls-key <file>", "its private key (WINDROW_TLS_KEY_FILE)")
    .option("--public-url <url>", "how people reach it (WINDROW_PUBLIC_URL; default: where it listens)")
    .option(
      "--grpc-public-address <address>",
      "how agents reach it, as host:port; several controllers with commas between them (WINDROW_GRPC_PUBLIC_ADDRESS; default: where it listens)",
    )
    .option(
      "--admin-token-file <file>",
      "made when there is no admin token yet (WINDROW_ADMIN_TOKEN_FILE; default: admin-token in the data folder)",
    )
    .option("--actions-dir <folder>", "git mirrors of actions at OWNER/NAME (WINDROW_ACTIONS_DIR)")
    .option("--actions-url <url>", "git server with actions at URL/OWNER/NAME.git (WINDROW_ACTIONS_URL)")
    .option("--actions-allowed <list>", "owner/name or owner/*, with commas (WINDROW_ACTIONS_ALLOWED; default: *)")
    .option(
      "--actions-shared <list>",
      "hosted repositories that other owners' runs may use as actions (WINDROW_ACTIONS_SHARED; default: none)",
    )
    .addOption(
      new Option("--log-level <level>", "how much it says (WINDROW_LOG_LEVEL)").choices([
        "debug",
        "info",
        "warn",
        "error",
      ]),
    )
    .addHelpText(
      "after",
      examples(
        "windrow controller --database-url postgres://farm:…@db/windrow --data /srv/windrow --listen 10.0.0.1",
        "windrow controller --database-url postgres://farm:…@db/windrow --data /srv/windrow --nats-url nats://nats:4222 --nats-keys-file keys.json",
      ),
    );
  bindWork(controller, context, async () => (await import("../process/run-controller.ts")).runController);

  const nats = controller
    .command("nats-config")
    .description("Make the farm's NATS keys, and the configuration of a nats-server of your own")
    .requiredOption("--out <folder>", "where to write them; keys that are there already are kept")
    .option("--nats-listen <address>", "address the server listens on", "0.0.0.0")
    .option("--nats-port <number>", "its port", "4222")
    .option(
      "--server-dir <folder>",
      "where the server's files will lie on its own machine (default: where they are written)",
    )
    .option(
      "--tls-dir <folder>",
      "let it speak TLS: the folder of the farm's authority, tls in the controllers' data folder (made when missing)",
    )
    .option("--json", "print where everything was written as JSON")
    .addHelpText(
      "after",
      examples(
        "windrow controller nats-config --out /etc/windrow/nats",
        "windrow controller nats-config --out nats --nats-listen 10.0.0.2 --server-dir /etc/nats/windrow",
      ),
    );
  bindWork(nats, context, async () => (await import("../process/nats-config.ts")).natsConfig);

  const doctor = program
    .command("doctor")
    .summary("is everything well, and what to do if not?")
    .description("Check this machine, the way to the farm, and the farm; say what to do about what is wrong")
    .addHelpText(
      "after",
      `${examples("windrow doctor", "windrow doctor --url http://farm:7070 --json")}\nExit code: 0 when nothing failed, else 1.\n`,
    );
  bindWork(addFarmOptions(doctor), context, async () => (await import("../doctor/doctor-command.ts")).doctorCommand);
}
