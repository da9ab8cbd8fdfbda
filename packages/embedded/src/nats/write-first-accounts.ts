import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NatsKeys } from "./nats-keys.ts";

/** Gives the resolver the accounts it starts with; those that it already holds may be newer. */
export function writeFirstAccounts(resolverDir: string, keys: NatsKeys): void {
  const accounts = [
    [keys.systemAccountPublicKey, keys.systemAccountJwt],
    [keys.accountPublicKey, keys.accountJwt],
  ] as const;
  for (const [publicKey, jwt] of accounts) {
    const file = join(resolverDir, `${publicKey}.jwt`);
    if (existsSync(file)) continue;
    writeFileSync(`${file}.new`, jwt, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
