import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode, retry, systemClock } from "@windrow/service";
import { BackendFault } from "./backend-fault.ts";
import { isProcessAlive, readProcessIdentity } from "./host/process-identity.ts";
import { withMachineLock } from "./machine-lock.ts";
import { readBusyUids } from "./read-busy-uids.ts";
import type { SlotUser } from "./step-backend.ts";

export interface SlotUserOptions {
  /** Names the slot across restarts of its agent: the agent's folder and the slot's number. */
  readonly slotKey: string;
  /** Users are called `<baseName>-1`, `-2`, ... */
  readonly baseName?: string | undefined;
  /** Where the agents of this machine agree on who has which user. */
  readonly claimDir?: string | undefined;
}

const defaultBaseName = "windrow-job";
const defaultClaimDir = "/run/windrow/slot-users";

/** How long other programs may hold the machine's books of users: package scripts, other agents. */
const accountsWaitMs = 15_000;

/** More slots than any machine has. */
const usersMax = 512;

/**
 * Makes sure of an unprivileged system user that no other slot of this machine uses, and creates it if need be. The same
 * slot gets the same user again after a restart. The user of an agent that is gone goes to another slot once nothing runs
 * as it and no supervisor waits for that agent with a job of it. Undefined when the agent is not root: its steps run as itself. Throws `slot_user_failed`.
 */
export async function prepareSlotUser(options: SlotUserOptions): Promise<SlotUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { slotKey, baseName = defaultBaseName, claimDir = defaultClaimDir } = options;
  await mkdir(claimDir, { recursive: true, mode: 0o700 });
  return withMachineLock(join(claimDir, ".lock"), async () => {
    const claims = await readClaims(claimDir);
    const name = claims.find((claim) => claim.slotKey === slotKey && isNamed(claim.name, baseName))?.name;
    const chosen = name ?? (await findFreeName(baseName, claims));
    const user = (await findUser(chosen)) ?? (await createUser(chosen));
    await writeClaim(join(claimDir, chosen), slotKey);
    return user;
  });
}

/** Gives the user back. The system user itself stays for the next agent. */
export async function releaseSlotUser(user: SlotUser, options: Pick<SlotUserOptions, "claimDir"> = {}): Promise<void> {
  await rm(join(options.claimDir ?? defaultClaimDir, user.name), { force: true });
}

interface Claim {
  readonly name: string;
  readonly slotKey: string;
  /** The agent that made it still runs. */
  readonly isHeld: boolean;
}

async function readClaims(claimDir: string): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const name of await readdir(claimDir)) {
    if (name.startsWith(".")) continue;
    const text = await readClaim(join(claimDir, name));
    const [pid = "", startTime = "", ...key] = text.trimEnd().split(" ");
    claims.push({ name, slotKey: key.join(" "), isHeld: isProcessAlive({ pid: Number(pid), startTime }) });
  }
  return claims;
}

/** Empty when it was given back since the folder was listed: giving back takes no lock. */
async function readClaim(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

async function writeClaim(path: string, slotKey: string): Promise<void> {
  const own = readProcessIdentity(process.pid);
  const temporary = join(path, "..", `.${process.pid}`);
  await writeFile(temporary, `${process.pid} ${own?.startTime ?? "0"} ${slotKey}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

async function findFreeName(baseName: string, claims: readonly Claim[]): Promise<string> {
  const held = new Set(claims.filter((claim) => claim.isHeld).map((claim) => claim.name));
  const busyUids = await readBusyUids();
  for (let number = 1; number <= usersMax; number++) {
    const name = `${baseName}-${number}`;
    if (held.has(name)) continue;
    // A dead agent's job may still run, or wait between steps, for the agent to come back; its user is not free.
    const user = await findUser(name);
    if (user === undefined || !busyUids.has(user.uid)) return name;
  }
  throw new BackendFault("slot_user_failed", `all ${usersMax} users ${baseName}-N are in use on this machine`);
}

function isNamed(name: string, baseName: string): boolean {
  return name.startsWith(`${baseName}-`) && /^\d+$/.test(name.slice(baseName.length + 1));
}

async function findUser(name: string): Promise<SlotUser | undefined> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) return undefined;
  // Somebody gave the name a meaning of its own: dropping to it would drop nothing.
  if (Number(uid) === 0) throw new BackendFault("slot_user_failed", `the user ${name} is root`);
  return { name, uid: Number(uid), gid: Number(gid) };
}

async function createUser(name: string): Promise<SlotUser> {
  const words = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
  try {
    await retry(() => promisify(execFile)("useradd", [...words, "--shell", "/usr/sbin/nologin", "--", name]), {
      ...{ firstMs: 100, maxMs: 2_000, clock: systemClock, signal: AbortSignal.timeout(accountsWaitMs) },
      isRetryable: areAccountsLocked,
    });
  } catch (error) {
    throw new BackendFault("slot_user_failed", `the user ${name} could not be created (useradd)`, { cause: error });
  }
  const user = await findUser(name);
  if (user === undefined) throw new BackendFault("slot_user_failed", `the user ${name} was created but is not there`);
  return user;
}

/** useradd waits for nobody: its exit codes 1 and 10 say that the books could not be changed now. */
const areAccountsLocked = (error: unknown): boolean =>
  error instanceof Error && [1, 10].includes(Number(Reflect.get(error, "code")));
