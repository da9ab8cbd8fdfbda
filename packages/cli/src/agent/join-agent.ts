import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { runChild } from "../process/run-child.ts";
import { type JoinTokenOptions, readJoinToken } from "./read-join-token.ts";
import { type AgentProcessOptions, agentEnvironment, announceAgent } from "./run-agent.ts";

export type JoinOptions = AgentProcessOptions & JoinTokenOptions;

/** `windrow agent join URL --token wrj_…`: the agent's process, which exchanges the token and then takes work. */
export async function joinAgent(context: CommandContext, options: JoinOptions, url: string): Promise<number> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw usageError(
      `${JSON.stringify(url)} is not the address of a farm`,
      "For example: windrow agent join https://farm:7443 --token wrj_…",
    );
  }
  const token = await readJoinToken(context, options);
  const environment = agentEnvironment(context, options);
  announceAgent(context, environment);
  return runChild({
    entry: "@windrow/agent/main",
    environment: { ...environment, WINDROW_URL: url.replace(/\/+$/, ""), WINDROW_JOIN_TOKEN: token },
  });
}
