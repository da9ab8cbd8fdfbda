import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { SlotUser } from "../step-backend.ts";

/** Whether jobs can be put into a sandbox on this machine; `problem` is a sentence for people. */
export type SandboxFound = { readonly bwrap: string } | { readonly problem: string };

const PATHS = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];
const TRY_MS_MAX = 10_000;
/** What jobs get, as far as whether it works depends on the kernel and its settings. */
const TRY = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--", "/bin/true"];

/** Looks for bubblewrap, and tries it as the user that jobs run as. */
export async function findSandbox(user: SlotUser | undefined): Promise<SandboxFound> {
  for (const bwrap of PATHS) {
    if (!(await isProgram(bwrap))) continue;
    const problem = await tryBwrap(bwrap, user);
    return problem === undefined ? { bwrap } : { problem };
  }
  return { problem: "bubblewrap is not installed (Debian: apt-get install bubblewrap)" };
}

function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function tryBwrap(bwrap: string, user: SlotUser | undefined): Promise<string | undefined> {
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    execFile(bwrap, TRY, { cwd: "/", env: {}, timeout: TRY_MS_MAX, ...identity }, (error, _stdout, stderr) => {
      const words = stderr.trim() || error?.message;
      resolve(error === null ? undefined : `bubblewrap cannot make a sandbox here: ${words}`);
    });
  });
}
