import type { UpgradeState, UpgradeStepState } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** An upgrade as people see it. */
export interface UpgradeView {
  readonly id: string;
  readonly pool: string;
  readonly version: string;
  readonly at_once: number;
  readonly state: UpgradeState;
  readonly reason: string;
  readonly requested_by: string;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly agents: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: UpgradeStepState;
    readonly from_version: string;
    readonly version: string;
    readonly problem: string | null;
  }[];
}

/** The pool's latest upgrade, running or not. */
export async function findUpgradeView(db: Database | Tx, pool: string): Promise<UpgradeView | undefined> {
  const { rows } = await sql<UpgradeView>`
    select p.id, p.pool, p.version, p.at_once, p.state, p.reason, p.requested_by, p.started_at, p.ended_at,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name, 'state', u.state, 'from_version', u.from_version,
          'version', a.version, 'problem', u.problem) order by u.started_at, a.name)
        from agent_upgrades u join agents a on a.id = u.agent_id where u.upgrade_id = p.id
      ), '[]') as agents
    from pool_upgrades p where p.pool = ${pool} order by p.id desc limit 1`.execute(db);
  return rows[0];
}
