import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { EmbeddedError } from "../embedded-error.ts";

/** The user Postgres runs as. Postgres refuses to run as root, so root needs another user. */
export interface PostgresAccount {
  readonly uid: number;
  readonly gid: number;
  /** True when we are root and must change to this user. */
  readonly isOther: boolean;
}

/** A command with the way to run it under an account. */
export interface AccountCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: { readonly uid?: number; readonly gid?: number };
}

/** Capabilities that let Postgres walk through folders closed to its user, mildest first; `bit` as in capabilities(7). */
const WALK_CAPABILITIES = [
  { name: "dac_read_search", bit: 2n },
  { name: "dac_override", bit: 1n },
] as const;

/**
 * Who runs Postgres: we ourselves, or, when we are root, the user `userName`, made when there is none.
 * Throws `account_missing` when it cannot be made.
 */
export function findPostgresAccount(userName: string): PostgresAccount {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return { uid, gid, isOther: false };
  const found = readAccount(userName);
  if (found) return found;
  try {
    const args = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
    execFileSync("useradd", [...args, "--shell", "/usr/sbin/nologin", userName], { stdio: "pipe" });
  } catch (cause) {
    const message = `Postgres does not run as root and the user "${userName}" could not be made: make it with "useradd --system ${userName}" or start windrow as an ordinary user.`;
    throw new EmbeddedError("account_missing", message, { cause });
  }
  const made = readAccount(userName);
  if (!made) throw new EmbeddedError("account_missing", `The user "${userName}" was made but cannot be found.`);
  return made;
}

function readAccount(userName: string): PostgresAccount | undefined {
  try {
    const read = (flag: string) => Number(execFileSync("id", [flag, userName], { encoding: "utf8", stdio: "pipe" }));
    return { uid: read("-u"), gid: read("-g"), isOther: true };
  } catch {
    // `id` ends with 1 for a name that does not exist, which is an answer here.
    return undefined;
  }
}

/**
 * How to run `command` as `account` so that it reaches every path of `paths`. When a parent folder is closed to that
 * user (a checkout or data folder under /root), Postgres gets the one capability that lets it pass; its own files stay
 * owned by its user. Throws `folder_not_reachable` when that cannot be done.
 */
export function commandAs(
  account: PostgresAccount,
  command: string,
  args: readonly string[],
  paths: readonly string[],
): AccountCommand {
  if (!account.isOther) return { command, args, options: {} };
  const closed = paths.map((path) => findClosedFolder(path, account)).find((folder) => folder !== undefined);
  const { uid, gid } = account;
  if (closed === undefined) return { command, args, options: { uid, gid } };
  const capability = findWalkCapability();
  if (capability === undefined || !hasSetpriv()) {
    const message = `Postgres runs as user ${uid}, which may not enter ${closed}: use a data folder that other users can reach (for example --data /var/lib/windrow), or open it with "chmod o+x ${closed}".`;
    throw new EmbeddedError("folder_not_reachable", message);
  }
  const only = `-all,+${capability}`;
  const walk = [`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`, "--no-new-privs"];
  const user = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  return { command: "setpriv", args: [...user, ...walk, "--", command, ...args], options: {} };
}

/** The first folder on the way to `path` that the account may not pass, or undefined. */
function findClosedFolder(path: string, account: PostgresAccount): string | undefined {
  const folders: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    folders.unshift(at);
    if (at === dirname(at)) break;
  }
  return folders.find((folder) => {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    return (mode & bit) === 0;
  });
}

function findWalkCapability(): string | undefined {
  const held = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (held === undefined) return undefined;
  return WALK_CAPABILITIES.find(({ bit }) => (BigInt(`0x${held}`) >> bit) & 1n)?.name;
}

function hasSetpriv(): boolean {
  try {
    execFileSync("setpriv", ["--version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
