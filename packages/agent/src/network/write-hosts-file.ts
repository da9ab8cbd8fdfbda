import { existsSync, readFileSync, writeFileSync } from "node:fs";

const MACHINE_FILE = "/etc/hosts";
const GATEWAY_LINE = "127.0.0.1 windrow.localhost";

/**
 * Writes the machine's own list of hosts with the gateway's name besides: not every program knows that names below
 * `localhost` are the loopback, and a job without name servers has nobody to ask.
 */
export function writeHostsFile(path: string): void {
  const before = existsSync(MACHINE_FILE) ? readFileSync(MACHINE_FILE, "utf8") : "127.0.0.1 localhost\n";
  const end = before === "" || before.endsWith("\n") ? "" : "\n";
  writeFileSync(path, `${before}${end}${GATEWAY_LINE}\n`, { mode: 0o644 });
}
