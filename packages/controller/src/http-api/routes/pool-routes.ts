import { type ChangePool, encodeJobPolicy, encodeProviderSettings, encodeScalingPolicy } from "@windrow/contract";
import { effectiveJobPolicy, Refusal } from "@windrow/model";
import {
  deletePool,
  inTransaction,
  listPoolViews,
  lockPoolSettings,
  type PoolHold,
  type PoolSettings,
  recordAudit,
  setPool,
} from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { type AuditAuthor, auditAuthor } from "../audit-author.ts";
import { changePoolSettings } from "../change-pool.ts";
import { presentPool } from "../present/present-pool.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "listPools" | "viewPool" | "putPool" | "changePool" | "deletePool";

/** Join tokens and `windrow up` mean it when they name no pool. */
const DEFAULT_POOL = "default";

export function createPoolRoutes({ db }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listPools() {
      return { items: (await listPoolViews(db)).map(presentPool), next_cursor: null };
    },
    async viewPool({ params }) {
      return require(params.pool);
    },
    async putPool({ params, body, principal, request }) {
      await change({ ...params, body, author: auditAuthor(principal, request), isWhole: true });
      return require(params.pool);
    },
    async changePool({ params, body, principal, request }) {
      await change({ ...params, body, author: auditAuthor(principal, request), isWhole: false });
      return require(params.pool);
    },
    async deletePool({ params, principal, request }) {
      const { pool: name } = params;
      if (name === DEFAULT_POOL)
        throw new Refusal("conflict", "the pool 'default' stays: agents join it when none is named");
      const shown = await require(name);
      await inTransaction(db, async (tx) => {
        const deleted = await deletePool(tx, name);
        if (deleted === undefined) throw missing(name);
        const holds = describeHold(deleted.hold);
        if (holds !== "") {
          throw new Refusal("conflict", `the pool '${name}' cannot be deleted: it has ${holds}`, {
            hint: `\`windrow agent list --pool ${name}\` shows its agents; remove them first`,
          });
        }
        const author = auditAuthor(principal, request);
        await recordAudit(tx, {
          ...author,
          action: "pool.delete",
          subject: `pool:${name}`,
          before: auditShape(deleted.settings),
        });
      });
      return shown;
    },
  };

  async function require(name: string) {
    const [view] = await listPoolViews(db, { name });
    if (view === undefined) throw missing(name);
    return presentPool(view);
  }

  async function change(asked: {
    readonly pool: string;
    readonly body: ChangePool;
    readonly author: AuditAuthor;
    /** Fields that are left out get their defaults, and a pool that is not there is made. */
    readonly isWhole: boolean;
  }): Promise<void> {
    const { pool: name, body, author, isWhole } = asked;
    await inTransaction(db, async (tx) => {
      const before = await lockPoolSettings(tx, name);
      if (before === undefined && !isWhole) throw missing(name);
      const after = changePoolSettings(body, isWhole ? undefined : before);
      await setPool(tx, name, after);
      await recordAudit(tx, {
        ...author,
        action: "pool.set",
        subject: `pool:${name}`,
        ...(before === undefined ? {} : { before: auditShape(before) }),
        after: auditShape(after),
      });
    });
  }
}

function missing(name: string): Refusal {
  return new Refusal("not_found", `there is no pool '${name}'`, { hint: "`windrow pool list` shows them" });
}

function describeHold({ agentsCount, openAttemptsCount, machinesCount }: PoolHold): string {
  const count = (n: number, one: string, more: string) => (n === 0 ? [] : [`${n} ${n === 1 ? one : more}`]);
  return [
    ...count(agentsCount, "agent", "agents"),
    ...count(openAttemptsCount, "running job", "running jobs"),
    ...count(machinesCount, "machine of its provider", "machines of its provider"),
  ].join(" and ");
}

/** The settings in the words of the API, as the audit trail keeps them. */
function auditShape({ scaling, provider, jobSettings, ...settings }: PoolSettings): object {
  return {
    description: settings.description,
    labels: settings.labels,
    slots_per_agent: settings.slots,
    priority: settings.priority,
    weight: settings.weight,
    jobs_max: settings.jobsMax,
    untrusted_allowed: settings.untrustedAllowed,
    suspect_after_ms: settings.suspectAfterMs,
    lost_after_ms: settings.lostAfterMs,
    scaling: scaling === null ? null : encodeScalingPolicy(scaling),
    provider: provider === null ? null : encodeProviderSettings(provider),
    job_policy: encodeJobPolicy(effectiveJobPolicy(jobSettings, settings)),
  };
}
