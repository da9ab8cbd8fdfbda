import type { Agent } from "@windrow/contract";
import { type AgentState, Refusal } from "@windrow/model";
import { listAgentViews } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { joinAgent } from "../join-agent.ts";
import { type ShownAgent, withTarget } from "../present/with-target.ts";
import { actorOf } from "../principal.ts";
import { createAgentRenewal } from "../renew-agent.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names =
  | "listAgents"
  | "viewAgent"
  | "joinAgent"
  | "challengeAgent"
  | "renewAgent"
  | "drainAgent"
  | "resumeAgent"
  | "removeAgent";

export function createAgentRoutes(deps: ApiDeps): Pick<RouteHandlers, Names> {
  const { db, farm } = deps;
  const renewal = createAgentRenewal(deps);
  return {
    async listAgents({ query }) {
      const { pool, state } = query;
      const rows = await withTarget(deps, await listAgentViews(db, {}));
      const wanted = rows.filter((row) => (pool ?? row.pool) === row.pool && (state ?? row.state) === row.state);
      return { items: wanted.map(present), next_cursor: null };
    },
    async viewAgent({ params }) {
      return present(await require(params.agent));
    },
    async joinAgent({ body, request }) {
      return joinAgent(deps, body, request);
    },
    async challengeAgent({ body }) {
      return { challenge: renewal.challenge(body.agent_id) };
    },
    async renewAgent({ body, request }) {
      return renewal.renew(body, request);
    },
    async drainAgent({ params, body, principal, request }) {
      const agent = await require(params.agent);
      const reason = body.reason ?? `drained by ${actorOf(principal)}`;
      await farm.drainAgent({ agentId: agent.id, draining: true, reason, author: auditAuthor(principal, request) });
      return present(await require(agent.id));
    },
    async resumeAgent({ params, principal, request }) {
      const agent = await require(params.agent);
      const reason = `resumed by ${actorOf(principal)}`;
      await farm.drainAgent({ agentId: agent.id, draining: false, reason, author: auditAuthor(principal, request) });
      return present(await require(agent.id));
    },
    async removeAgent({ params, principal, request }) {
      const agent = await require(params.agent);
      const reason = `removed by ${actorOf(principal)}`;
      await farm.removeAgent({ agentId: agent.id, reason, author: auditAuthor(principal, request) });
      return present(await require(agent.id));
    },
  };

  async function require(idOrName: string): Promise<ShownAgent> {
    const [row] = await withTarget(deps, await listAgentViews(db, { idOrName }));
    if (row === undefined)
      throw new Refusal("not_found", `there is no agent '${idOrName}'`, { hint: "`windrow agent list` shows them" });
    return row;
  }
}

function present(row: ShownAgent): Agent {
  return {
    id: row.id,
    name: row.name,
    pool: row.pool,
    state: row.state satisfies AgentState,
    labels: [...row.labels],
    effective_labels: [...row.effective_labels],
    toolchains: row.toolchains.map((tool) => ({ ...tool })),
    slots: row.slots,
    slots_used: row.jobs.length,
    drain_reason: row.drain_reason,
    hostname: row.hostname,
    version: row.version,
    target_version: row.target_version,
    is_outdated: row.is_outdated,
    is_upgradable: row.is_upgradable,
    protocol_version: row.protocol_version,
    created_at: row.created_at.toISOString(),
    connected_at: row.connected_at?.toISOString() ?? null,
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
    removed_at: row.removed_at?.toISOString() ?? null,
    certificate_expires_at: row.certificate_expires_at?.toISOString() ?? null,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    disabled_reason: row.disabled_reason,
    unfit_reason: row.unfit_reason,
    stopped_at: row.stopped_at?.toISOString() ?? null,
    jobs: row.jobs.map((job) => ({ ...job })),
  };
}
