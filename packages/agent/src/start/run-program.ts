import { execFile } from "node:child_process";
import type { SlotUser } from "@windrow/backends";

const ANSWER_WAIT_MS = 5_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** What a program says on stdout and stderr; undefined when it is not there, fails, or says nothing for too long. */
export function runProgram(
  program: readonly string[],
  { env, user }: { readonly env: { readonly [name: string]: string }; readonly user?: SlotUser | undefined },
): Promise<string | undefined> {
  const [name = "", ...args] = program;
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    const options = {
      env: { ...env },
      cwd: "/",
      timeout: ANSWER_WAIT_MS,
      // one that hangs may not listen either
      killSignal: "SIGKILL" as const,
      maxBuffer: ANSWER_BYTES_MAX,
      ...identity,
    };
    execFile(name, args, options, (error, stdout, stderr) => resolve(error === null ? stdout + stderr : undefined));
  });
}
