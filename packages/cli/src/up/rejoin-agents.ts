import { RENEWABLE_FOR_MS } from "@windrow/certificates";
import type { Agent } from "@windrow/contract";
import type { ApiClient } from "../api/client.ts";
import type { Report } from "./up-reporter.ts";

/**
 * Takes those of the farm's own agents off it that cannot go on as who they are: of a version that knew no certificates,
 * or of a farm that was away for more than 30 days. They join anew as they start, under the same names.
 */
export async function rejoinAgents(
  api: ApiClient,
  of: { readonly names: readonly string[]; readonly nowMs: number; readonly report: Report },
): Promise<void> {
  const { answer } = await api.call("listAgents", { query: {} });
  for (const agent of answer.items) {
    if (!of.names.includes(agent.name) || canGoOn(agent, of.nowMs)) continue;
    await api.call("removeAgent", { params: { agent: agent.id } });
    of.report({ event: "notice", message: `${agent.name} joins anew: its credential is not renewed any more` });
  }
}

function canGoOn({ certificate_expires_at: endsAt }: Agent, nowMs: number): boolean {
  return endsAt !== null && nowMs < Date.parse(endsAt) + RENEWABLE_FOR_MS;
}
