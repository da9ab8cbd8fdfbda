import { isIP } from "node:net";
import path from "node:path";
import { EmbeddedError, writeNatsConfig } from "@windrow/embedded";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { EXIT } from "../exit-codes.ts";
import { printJson, say } from "../output/print.ts";
import { makeFolder } from "../up/make-folder.ts";

export interface NatsConfigOptions {
  readonly out: string;
  readonly natsListen: string;
  readonly natsPort: string;
  readonly serverDir?: string;
  readonly json?: boolean;
}

const FOLDER_MODE = 0o700;
const PORT_MAX = 65_535;

/** `windrow controller nats-config`: keys for the controllers, a configuration for a nats-server of one's own. */
export async function natsConfig(context: CommandContext, options: NatsConfigOptions): Promise<undefined> {
  const { terminal } = context;
  const port = Number(options.natsPort);
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX)
    throw usageError(`--nats-port takes a number from 1 to ${PORT_MAX}`);
  if (isIP(options.natsListen) === 0) throw usageError("--nats-listen takes an IP address", "For example: 10.0.0.1");
  if (options.serverDir !== undefined && !path.isAbsolute(options.serverDir))
    throw usageError("--server-dir takes an absolute path: the one on the server's machine");
  const outDir = path.resolve(context.cwd, options.out);
  makeFolder(outDir, FOLDER_MODE, "--out");
  const listenAddress = isIP(options.natsListen) === 6 ? `[${options.natsListen}]` : options.natsListen;
  const written = await writeOrTell({ ...options, outDir, listenAddress, port });
  const { keysFile, serverDir, configFile } = written;
  if (options.json) {
    return printJson(terminal, { keys_file: keysFile, server_folder: serverDir, config_file: configFile });
  }
  const onServer = options.serverDir ?? serverDir;
  say(
    terminal,
    `The farm's NATS keys are in ${keysFile}: whoever holds that file is the farm. It is for controllers only.`,
  );
  if (options.serverDir !== undefined) say(terminal, `Copy ${serverDir} to ${onServer} on the NATS server's machine.`);
  say(terminal, `Start the server with: nats-server -c ${path.join(onServer, "nats.conf")}`);
  const host = ["0.0.0.0", "::"].includes(options.natsListen) ? "HOST" : listenAddress;
  say(terminal, `Start controllers with: --nats-url nats://${host}:${port} --nats-keys-file ${keysFile}`);
  return undefined;
}

async function writeOrTell(options: Parameters<typeof writeNatsConfig>[0]) {
  try {
    return await writeNatsConfig(options);
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    throw new CliError(error.message, { code: "usage", exitCode: EXIT.usage, cause: error });
  }
}
