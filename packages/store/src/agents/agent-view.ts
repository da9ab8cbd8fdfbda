import type { AgentId, AgentState, JobState, Toolchain } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** An agent as people see it, with what it holds now. */
export interface AgentView {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  readonly state: AgentState;
  readonly labels: readonly string[];
  /** Its own, its pool's, and the aliases they cover: what jobs may ask for. */
  readonly effective_labels: readonly string[];
  readonly toolchains: readonly Toolchain[];
  readonly slots: number;
  readonly drain_reason: string | null;
  readonly hostname: string;
  readonly version: string;
  readonly protocol_version: number;
  readonly is_upgradable: boolean;
  readonly created_at: Date;
  readonly connected_at: Date | null;
  readonly last_seen_at: Date | null;
  readonly removed_at: Date | null;
  readonly certificate_expires_at: Date | null;
  readonly disabled_at: Date | null;
  readonly disabled_reason: string | null;
  /** Why it cannot run jobs as its pool asks, and takes none. */
  readonly unfit_reason: string | null;
  /** When it said goodbye, if that is why it is lost. */
  readonly stopped_at: Date | null;
  readonly jobs: readonly {
    readonly id: number;
    readonly run_id: number;
    readonly name: string;
    readonly repository: string;
    readonly state: JobState;
  }[];
}

/** One agent by id (removed ones too) or name, or every agent that is not removed, by name. */
export async function listAgentViews(db: Database, by: { readonly idOrName?: string }): Promise<AgentView[]> {
  const { idOrName } = by;
  const wanted =
    idOrName === undefined
      ? sql`a.state <> 'removed'`
      : sql`(a.id::text = ${idOrName} or (a.name = ${idOrName} and a.state <> 'removed'))`;
  const { rows } = await sql<AgentView>`
    select a.id, a.name, a.pool, a.state, a.labels, a.effective_labels, a.toolchains, a.slots, a.drain_reason, a.hostname, a.version, a.protocol_version, a.is_upgradable,
      a.created_at, a.connected_at, a.last_seen_at, a.removed_at, a.certificate_expires_at, a.disabled_at, a.disabled_reason, a.unfit_reason,
      case when a.state = 'lost' and a.suspect_at is null then a.lost_at end as stopped_at,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', j.id, 'run_id', j.run_id, 'name', j.name, 'state', j.state,
          'repository', p.owner || '/' || p.name) order by j.id)
        from attempts t join jobs j on j.id = t.job_id join repositories p on p.id = j.repository_id
        where t.agent_id = a.id and t.state in ('offered', 'running')
      ), '[]') as jobs
    from agents a where ${wanted} order by a.id::text = ${idOrName ?? ""} desc, a.name`.execute(db);
  return rows;
}
