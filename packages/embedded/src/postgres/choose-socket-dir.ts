import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { PostgresAccount } from "./postgres-account.ts";

/** The kernel's limit for a unix socket path is 108 bytes with its closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const SOCKET_NAME = ".s.PGSQL.5432";
const SHORT_DIR_PREFIX = "windrow-pg-";

/**
 * Makes the private folder for the socket: `wanted`, or, where its path is too long for a socket, a new folder with an
 * unguessable name below the system's temporary folder. Only the database's own user (and root) can enter it.
 */
export function makeSocketDir(wanted: string, account: PostgresAccount): string {
  const fits = Buffer.byteLength(join(wanted, SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX;
  if (fits) mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const dir = fits ? wanted : mkdtempSync(join(tmpdir(), SHORT_DIR_PREFIX));
  chmodSync(dir, 0o700);
  if (account.isOther) chownSync(dir, account.uid, account.gid);
  return dir;
}

/**
 * Removes what a server that died left in its private socket folder. Postgres does so itself, except while the dead
 * process is a zombie or its id was given to another one. Only to be called when no server runs on the data folder.
 */
export function removeStaleSocket(dir: string): void {
  for (const name of [SOCKET_NAME, `${SOCKET_NAME}.lock`]) rmSync(join(dir, name), { force: true });
}

/** Removes a socket folder that `makeSocketDir` made below the temporary folder; leaves others alone. */
export function removeShortSocketDir(dir: string): void {
  if (dirname(dir) === tmpdir() && basename(dir).startsWith(SHORT_DIR_PREFIX))
    rmSync(dir, { recursive: true, force: true });
}
