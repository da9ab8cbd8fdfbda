import type { Check } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import { type AgentFacts, type Database, readAgentFacts } from "@windrow/store";
import { CLOCK_DIFFERENCE_MAX_MS } from "./check-database.ts";

const AGENTS_MAX = 10_000;
/** Named in one check. */
const NAMES_MAX = 5;

/** How many take work, and whose clock or certificate is off. */
export async function checkAgents(deps: { readonly db: Database; readonly clock: Clock }): Promise<Check[]> {
  return judgeAgents(await readAgentFacts(deps.db, AGENTS_MAX), deps.clock.nowMs());
}

export function judgeAgents(agents: readonly AgentFacts[], nowMs: number): Check[] {
  const ready = agents.filter((agent) => agent.state === "ready");
  const count: Check = {
    name: "agents",
    state: ready.length > 0 ? "ok" : "warning",
    detail: `${ready.length} of ${agents.length} ready`,
    ...(ready.length === 0 && { hint: "Join one: windrow token create --join prints the line for its machine" }),
  };
  return [count, judgeAgentClocks(agents), judgeAgentCertificates(agents, nowMs)];
}

/** What its last job's steps say of an agent's clock; leases do not depend on it, times that people read do. */
function judgeAgentClocks(agents: readonly AgentFacts[]): Check {
  const name = "agents' clocks";
  const wrong = agents.filter(({ clockAheadMs }) => Math.abs(clockAheadMs ?? 0) > CLOCK_DIFFERENCE_MAX_MS);
  if (wrong.length === 0) return { name, state: "ok", detail: "agree with the database's, by their last jobs" };
  const list = wrong.map(({ name: agent, clockAheadMs }) => {
    const aheadMs = clockAheadMs ?? 0;
    return `${agent} (${Math.abs(aheadMs / 1_000).toFixed(0)} s ${aheadMs > 0 ? "ahead" : "behind"})`;
  });
  return { name, state: "warning", detail: nameSome(list), hint: "Set the clocks of these machines by NTP" };
}

function judgeAgentCertificates(agents: readonly AgentFacts[], nowMs: number): Check {
  const name = "agents' certificates";
  // an agent that is away renews when it is back
  const here = agents.filter(({ state }) => state === "ready" || state === "draining");
  const over = here.filter(({ certificateExpiresAt: at }) => at !== null && at.getTime() < nowMs);
  if (over.length === 0) return { name, state: "ok", detail: "renew themselves" };
  return {
    ...{ name, state: "warning", detail: `expired: ${nameSome(over.map((agent) => agent.name))}` },
    hint: "Look into the agent's log for why it does not renew: it needs the controller's HTTPS address",
  };
}

function nameSome(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
