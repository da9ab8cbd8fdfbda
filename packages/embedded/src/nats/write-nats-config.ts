import { chmodSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureNatsKeys } from "./nats-keys.ts";
import { renderNatsSettings } from "./nats-settings.ts";
import { writeFirstAccounts } from "./write-first-accounts.ts";

export interface WriteNatsConfigOptions {
  /** Made when missing. Keys that stand there already are kept. */
  readonly outDir: string;
  readonly listenAddress: string;
  readonly port: number;
  /** Where the server's own folder will lie on its machine; where it is written when not given. */
  readonly serverDir?: string;
  /** Certificate, chain and key (PEM): the server speaks TLS. */
  readonly tlsPem?: string;
}

export interface WrittenNatsConfig {
  /** For controllers, mode 600. */
  readonly keysFile: string;
  /** Everything the server needs, and nothing that could sign anything. */
  readonly serverDir: string;
  /** For `nats-server -c`. */
  readonly configFile: string;
}

const TLS_FILE = "server.pem";

/**
 * Makes what a nats-server of one's own needs to serve a farm: the farm's keys for its controllers, and beside them a
 * folder for the server with its configuration and first accounts. Doing it again changes the configuration only.
 * Throws `state_damaged` for a keys file that is not whole.
 */
export async function writeNatsConfig(options: WriteNatsConfigOptions): Promise<WrittenNatsConfig> {
  const { listenAddress, port } = options;
  mkdirSync(options.outDir, { recursive: true, mode: 0o700 });
  const outDir = realpathSync(options.outDir);
  const keysFile = join(outDir, "keys.json");
  const serverDir = join(outDir, "server");
  const accountsDir = join(serverDir, "accounts");
  const configFile = join(serverDir, "nats.conf");
  const keys = await ensureNatsKeys(keysFile);
  mkdirSync(accountsDir, { recursive: true, mode: 0o700 });
  writeFirstAccounts(accountsDir, keys);
  const resolverDir = join(options.serverDir ?? serverDir, "accounts");
  const tls = options.tlsPem === undefined ? {} : { tlsFile: join(options.serverDir ?? serverDir, TLS_FILE) };
  if (options.tlsPem !== undefined) {
    writeFileSync(join(serverDir, TLS_FILE), options.tlsPem, { mode: 0o600 });
    chmodSync(join(serverDir, TLS_FILE), 0o600);
  }
  writeFileSync(configFile, renderNatsSettings({ keys, listenAddress, port, resolverDir, ...tls }), { mode: 0o600 });
  chmodSync(configFile, 0o600);
  return { keysFile, serverDir, configFile };
}
