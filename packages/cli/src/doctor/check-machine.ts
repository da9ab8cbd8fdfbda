import type { Check } from "@windrow/contract";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { runGit } from "../git/run-git.ts";
import { checkDocker } from "./check-docker.ts";
import { checkNetworks } from "./check-networks.ts";
import { checkSandbox } from "./check-sandbox.ts";
import { checkSpace } from "./check-space.ts";

const NODE_MAJOR_MIN = 24;
/** Settings by environment (GIT_CONFIG_COUNT), which keep a token out of the process list, came with 2.31. */
const GIT_MIN = [2, 31] as const;

/** What is needed on this machine, and what an agent here could use. */
export async function checkMachine(context: Pick<CommandContext, "cwd" | "environment">): Promise<Check[]> {
  const { cwd, environment } = context;
  const others = await Promise.all([
    checkGit(cwd),
    checkSpace(environment.HOME || cwd),
    checkSandbox(),
    checkNetworks(),
    checkDocker(environment.DOCKER_HOST),
  ]);
  return [checkNode(process.versions.node), ...others];
}

export function checkNode(version: string): Check {
  const isEnough = Number(version.split(".")[0]) >= NODE_MAJOR_MIN;
  return {
    name: "node",
    state: isEnough ? "ok" : "failed",
    detail: version,
    ...(isEnough ? {} : { hint: `Use Node ${NODE_MAJOR_MIN} or later; \`npx windrow\` brings its own` }),
  };
}

async function checkGit(cwd: string): Promise<Check> {
  try {
    const { stdout } = await runGit(["--version"], { cwd });
    return judgeGit(stdout.trim());
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return {
      name: "git",
      state: "failed",
      detail: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
}

/** `git version 2.39.5` → is it new enough? */
export function judgeGit(text: string): Check {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(text) ?? [];
  const isEnough = Number(major) > GIT_MIN[0] || (Number(major) === GIT_MIN[0] && Number(minor) >= GIT_MIN[1]);
  return {
    name: "git",
    state: isEnough ? "ok" : "warning",
    detail: text.replace(/^git version /, ""),
    ...(isEnough ? {} : { hint: `\`windrow try\` needs git ${GIT_MIN.join(".")} or later` }),
  };
}
