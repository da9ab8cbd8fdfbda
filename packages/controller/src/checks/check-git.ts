import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Check } from "@windrow/contract";

/** Push options in hooks, and settings by environment, are as the controller needs them from here on. */
const GIT_MIN = [2, 31] as const;
const ANSWER_WAIT_MS = 5_000;
const run = promisify(execFile);

/** The git that serves the hosted repositories. */
export async function checkControllerGit(env: Readonly<Record<string, string>>): Promise<Check> {
  const { stdout } = await run("git", ["--version"], { env: { ...env }, timeout: ANSWER_WAIT_MS });
  return judgeControllerGit(stdout.trim());
}

/** `git version 2.39.5` */
export function judgeControllerGit(text: string): Check {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(text) ?? [];
  const isEnough = Number(major) > GIT_MIN[0] || (Number(major) === GIT_MIN[0] && Number(minor) >= GIT_MIN[1]);
  const name = "controller's git";
  const detail = text.replace(/^git version /, "");
  if (isEnough) return { name, state: "ok", detail };
  return { name, state: "failed", detail, hint: `Install git ${GIT_MIN.join(".")} or later where the controller runs` };
}
