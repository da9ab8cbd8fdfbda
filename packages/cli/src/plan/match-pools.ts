import type { PreviewJob } from "@windrow/workflow";
import { type ApiClient, createApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { resolveConnection } from "../config/resolve-connection.ts";

/** A plan does not wait long for a farm that is away. */
const ANSWER_MAX_MS = 5_000;

/** The farm's pools and what their agents have, in lower case; or why nobody could be asked. */
export type FarmPools =
  | {
      readonly url: string;
      readonly api: ApiClient;
      readonly agents: readonly { readonly pool: string; readonly labels: ReadonlySet<string> }[];
    }
  | { readonly why: string };

/** Asks the farm, where one is configured and answers. Errors: CliError `usage` for a wrong configuration. */
export async function askPools(context: CommandContext, options: FarmOptions): Promise<FarmPools> {
  const flags = { url: options.url, token: options.token, token_file: options.tokenFile, data: options.data };
  try {
    const connection = await resolveConnection(flags, context.environment);
    const api = createApiClient({ urls: connection.urls, token: connection.token, answerMaxMs: ANSWER_MAX_MS });
    const agents = await api.call("listAgents", {});
    const present = agents.answer.items.filter(({ state }) => state !== "removed" && state !== "lost");
    return {
      url: api.url,
      api,
      agents: present.map((agent) => ({ pool: agent.pool, labels: new Set(agent.effective_labels) })),
    };
  } catch (error) {
    const isGiven = options.url !== undefined || options.data !== undefined;
    if (!(error instanceof CliError) || (error.code === "usage" && isGiven)) throw error;
    return { why: error.message };
  }
}

/** Names of the pools that have an agent with every label of the job; undefined where its labels are not known. */
export function matchPools(job: PreviewJob, farm: FarmPools): readonly string[] | undefined {
  if ("why" in farm || job.runsOn === undefined) return undefined;
  const wanted = job.runsOn.map((label) => label.toLowerCase());
  const able = farm.agents.filter(
    ({ pool, labels }) => (job.pool === undefined || job.pool === pool) && wanted.every((label) => labels.has(label)),
  );
  return [...new Set(able.map((agent) => agent.pool))].sort();
}

/** Variables as jobs of the repository would see them; none where no farm was asked or it does not know the repository. */
export async function askVariables(farm: FarmPools, repository: string): Promise<Readonly<Record<string, string>>> {
  if ("why" in farm) return {};
  try {
    const { answer } = await farm.api.call("listVariables", { query: { repository, effective: "true" } });
    return Object.fromEntries(answer.items.map(({ name, value }) => [name, value]));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return {};
  }
}
