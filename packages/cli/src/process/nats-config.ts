import { isIP } from "node:net";
import path from "node:path";
import { CONTROLLER_NAME, ensureServerCertificate, isEveryAddress, openAuthority } from "@windrow/certificates";
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
  readonly tlsDir?: string;
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
  const tlsPem = options.tlsDir === undefined ? undefined : await issueFor(context, options.tlsDir, options.natsListen);
  const written = await writeOrTell({
    ...{ outDir, listenAddress, port },
    ...(options.serverDir !== undefined && { serverDir: options.serverDir }),
    ...(tlsPem !== undefined && { tlsPem }),
  });
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
  say(
    terminal,
    `Start controllers with: --nats-url ${tlsPem === undefined ? "nats" : "tls"}://${host}:${port} --nats-keys-file ${keysFile}`,
  );
  if (tlsPem !== undefined) {
    say(
      terminal,
      "Its certificate lives 90 days: after 60, do this again, and let the server read it: nats-server --signal reload",
    );
  }
  return undefined;
}

/** A certificate of the farm's authority, which controllers and agents trust under one name wherever the server stands. */
async function issueFor(context: CommandContext, tlsDir: string, listenAddress: string): Promise<string> {
  const nowMs = context.clock.nowMs();
  const authority = await openAuthority(path.resolve(context.cwd, tlsDir), nowMs);
  const names = [CONTROLLER_NAME, ...(isEveryAddress(listenAddress) ? [] : [listenAddress])];
  const { key, cert } = await ensureServerCertificate({ authority, names, nowMs, label: "nats" });
  return `${key}${cert}`;
}

async function writeOrTell(options: Parameters<typeof writeNatsConfig>[0]) {
  try {
    return await writeNatsConfig(options);
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    throw new CliError(error.message, { code: "usage", exitCode: EXIT.usage, cause: error });
  }
}
