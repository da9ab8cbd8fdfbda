import type { NatsKeys } from "./nats-keys.ts";

export interface NatsSettings {
  readonly keys: NatsKeys;
  readonly listenAddress: string;
  readonly port: number;
  readonly resolverDir: string;
  /** PEM file with certificate, chain and key: connections must be encrypted. Without it they are plain. */
  readonly tlsFile?: string;
  /** Absent for a server that another program looks after. */
  readonly pidFile?: string;
}

const PAYLOAD_BYTES_MAX = 1_048_576;
const CONTROL_LINE_BYTES_MAX = 4_096;
const CONNECTIONS_MAX = 20_000;

/**
 * The server's whole configuration: operator mode, so there is no account that can be used without a signed user, and no
 * listener but the one for clients (no websocket, mqtt, leafnodes, cluster or http monitor). The resolver keeps account
 * JWTs in a folder, so that a revocation survives a restart; `resolver_preload` would put the first ones back.
 */
export function renderNatsSettings(settings: NatsSettings): string {
  const { keys, tlsFile } = settings;
  const tls =
    tlsFile === undefined ? "" : `tls: { cert_file: ${quote(tlsFile)}, key_file: ${quote(tlsFile)}, timeout: 5 }\n`;
  return `# Written by windrow.
server_name: ${quote(keys.serverName)}
listen: ${quote(`${settings.listenAddress}:${settings.port}`)}
${settings.pidFile === undefined ? "" : `pid_file: ${quote(settings.pidFile)}\n`}max_payload: ${PAYLOAD_BYTES_MAX}
max_control_line: ${CONTROL_LINE_BYTES_MAX}
max_connections: ${CONNECTIONS_MAX}
ping_interval: "10s"
ping_max: 3
write_deadline: "5s"
operator: ${quote(keys.operatorJwt)}
system_account: ${quote(keys.systemAccountPublicKey)}
resolver: { type: full, dir: ${quote(settings.resolverDir)}, allow_delete: false, interval: "2m" }
${tls}`;
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
