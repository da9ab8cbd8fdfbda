import { execFile } from "node:child_process";
import type { SlotUser } from "@windrow/backends";

/** As whom programs of the machine are asked: what only the agent can run is of no use to a job. */
export interface ToolRunner {
  readonly env: { readonly [name: string]: string };
  readonly user?: SlotUser | undefined;
}

/** A tool that the machine has. */
export interface MachineTool {
  readonly version: string;
  /** The program, as a path. */
  readonly program: string;
}

const ANSWER_MS_MAX = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** What a program prints, on either output, with the environment of jobs; undefined when it fails or is not there. */
export function askProgram(
  program: string,
  args: readonly string[],
  { env, user }: ToolRunner,
): Promise<string | undefined> {
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const options = { env: { ...env }, cwd: "/", timeout: ANSWER_MS_MAX, maxBuffer: ANSWER_BYTES_MAX, ...identity };
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      resolve(error === null ? `${stdout}\n${stderr}` : undefined);
    });
  });
}

/** Where a program is found on the PATH of jobs, as their user. */
export async function findProgram(name: string, runner: ToolRunner): Promise<string | undefined> {
  const printed = await askProgram("/bin/sh", ["-c", 'command -v -- "$1"', "sh", name], runner);
  const path = printed?.trim();
  return path?.startsWith("/") ? path : undefined;
}

/** The version of a program that the machine has, read with `pattern` (its first group). */
export async function findTool(
  name: string,
  args: readonly string[],
  pattern: RegExp,
  runner: ToolRunner,
): Promise<MachineTool | undefined> {
  const program = await findProgram(name, runner);
  if (program === undefined) return undefined;
  const version = pattern.exec((await askProgram(program, args, runner)) ?? "")?.[1];
  return version === undefined ? undefined : { version, program };
}
