import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** The number of the call by which a program speaks to the kernel's key store. */
const keyctlNumbers: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 250, arm64: 219, riscv64: 219 };
const clearMsMax = 10_000;
/** The user's keyring, its default session's, and the one that outlives sessions: these are there once they were looked at. */
const emptyKeyrings = { keys: 3, countedKeys: 2 };

/** How the books of a user looked after its keyrings were emptied: as long as they look so, nothing is in them. */
const emptyBooks = new Map<number, string>();

/**
 * Empties the keyrings that belong to a user and outlive its processes. Only the user may do so, and only perl or a
 * program of its own could ask for it here: where perl is missing, keys stay, which the manual says.
 */
export async function clearKeyring(uid: number): Promise<void> {
  const number = keyctlNumbers[process.arch];
  const books = readBooks(uid);
  if (number === undefined || books === undefined || books === emptyBooks.get(uid)) return;
  await runAs(uid, encodeProgram(number));
  const after = readBooks(uid);
  const [keys = 0, countedKeys = 0] = (after ?? "").split(/[ /]/).map(Number);
  // The kernel drops keys a moment later; until then the books say nothing.
  if (after !== undefined && keys <= emptyKeyrings.keys && countedKeys <= emptyKeyrings.countedKeys) {
    emptyBooks.set(uid, after);
  }
}

/** Undefined for a user that has no keyring, and where the kernel has no key store: `keys counted/max bytes/max`. */
function readBooks(uid: number): string | undefined {
  try {
    const line = readFileSync("/proc/key-users", "latin1")
      .split("\n")
      .find((one) => one.trimStart().startsWith(`${uid}:`));
    const [, , keys, counted, bytes] = line?.trim().split(/\s+/) ?? [];
    return keys === undefined ? undefined : `${keys.split("/")[0]} ${counted} ${bytes}`;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** 22: the keyring that outlives sessions, linked to the process's own (-2). 7: empty. -4, -5: the user's two. */
function encodeProgram(keyctl: number): string {
  return `my $kept = syscall(${keyctl}, 22, -1, -2);
syscall(${keyctl}, 7, $kept) if $kept > 0;
syscall(${keyctl}, 7, -4);
syscall(${keyctl}, 7, -5);`;
}

function runAs(uid: number, program: string): Promise<void> {
  const options = { uid, gid: uid, env: {}, cwd: "/", timeout: clearMsMax };
  return new Promise((resolve) => {
    execFile("/usr/bin/perl", ["-e", program], options, () => resolve());
  });
}
