import type { Upgrade } from "@windrow/contract";
import { isOutdated, Refusal } from "@windrow/model";
import {
  type Database,
  endUpgrade,
  findUpgradeView,
  inTransaction,
  lockUpgrade,
  readPools,
  readUpgradeAgents,
  recordAudit,
  startUpgrade,
} from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { requireWholeFarm } from "../guard.ts";
import { actorOf } from "../principal.ts";
import { refuseNothingToUpgrade } from "../refuse-nothing-to-upgrade.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "viewInstall" | "startUpgrade" | "viewUpgrade" | "abortUpgrade";

const MANAGES = "manages pools";

export function createUpgradeRoutes({ db, installer, upgrades }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async viewInstall() {
      const { version, bundles } = await installer.bundles.current();
      const { url, sha256, isPinned } = await installer.script();
      return {
        version,
        script_url: url,
        script_sha256: sha256,
        is_pinned: isPinned,
        platforms: bundles.map(({ platform }) => platform),
      };
    },

    async startUpgrade({ params, body, principal, request }) {
      requireWholeFarm(principal, MANAGES);
      const { pool } = params;
      await requirePool(db, pool);
      const { version } = await installer.bundles.current();
      await inTransaction(db, async (tx) => {
        refuseNothingToUpgrade(await readUpgradeAgents(tx, { pool, upgradeId: undefined }), version);
        const by = actorOf(principal);
        const id = await startUpgrade(tx, { pool, version, atOnce: body.at_once, requestedBy: by });
        if (id === undefined) {
          throw new Refusal("conflict", `pool ${pool} is being upgraded already`, {
            hint: `\`windrow pool view ${pool}\` shows how far it is; \`windrow pool upgrade ${pool} --abort\` ends it`,
          });
        }
        const after = { version, at_once: body.at_once };
        await recordAudit(tx, {
          ...auditAuthor(principal, request),
          action: "pool.upgrade",
          subject: `pool:${pool}`,
          after,
        });
      });
      return present(pool);
    },

    async viewUpgrade({ params }) {
      await requirePool(db, params.pool);
      return present(params.pool);
    },

    async abortUpgrade({ params, principal, request }) {
      requireWholeFarm(principal, MANAGES);
      const { pool } = params;
      await requirePool(db, pool);
      const changed = await inTransaction(db, async (tx) => {
        const upgrade = await lockUpgrade(tx, pool);
        if (upgrade === undefined) throw new Refusal("conflict", `pool ${pool} is not being upgraded`);
        const author = auditAuthor(principal, request);
        const subject = `pool:${pool}`;
        await recordAudit(tx, {
          ...author,
          action: "pool.upgrade-abort",
          subject,
          before: { version: upgrade.version },
        });
        return endUpgrade(tx, upgrade, { state: "aborted", reason: `aborted by ${actorOf(principal)}` });
      });
      upgrades.tellDrains(changed);
      return present(pool);
    },
  };

  async function present(pool: string): Promise<Upgrade> {
    const view = await findUpgradeView(db, pool);
    if (view === undefined) throw new Refusal("not_found", `pool ${pool} was never upgraded`);
    const begun = new Set(view.agents.map((agent) => agent.id));
    const agents = view.state === "running" ? await readUpgradeAgents(db, { pool, upgradeId: undefined }) : [];
    const left = agents.filter((agent) => !begun.has(agent.agentId) && isOutdated(agent.version, view.version));
    return {
      pool: view.pool,
      version: view.version,
      at_once: view.at_once,
      state: view.state,
      reason: view.reason,
      requested_by: view.requested_by,
      started_at: view.started_at.toISOString(),
      ended_at: view.ended_at?.toISOString() ?? null,
      agents: view.agents.map((agent) => ({ ...agent })),
      left: left.map((agent) => ({
        name: agent.name,
        version: agent.version,
        why: agent.isUpgradable ? (agent.isConnected ? "waiting" : "away") : "not_upgradable",
      })),
    };
  }
}

async function requirePool(db: Database, name: string): Promise<void> {
  if ((await readPools(db)).some((pool) => pool.name === name)) return;
  throw new Refusal("not_found", `there is no pool '${name}'`, { hint: "`windrow pool list` shows them" });
}
