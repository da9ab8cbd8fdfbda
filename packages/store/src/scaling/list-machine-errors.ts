import type { MachineState } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** What a provider could not do lately. */
export interface MachineError {
  readonly machine: string;
  readonly state: MachineState;
  readonly error: string;
  readonly at: Date;
  readonly retryAt: Date | null;
}

/** The last errors of a pool's provider: of machines that it tries again, and of those that failed in the last day. */
export async function listMachineErrors(db: Database, pool: string, limit: number): Promise<MachineError[]> {
  const { rows } = await sql<MachineError>`
    select m.name as machine, m.state, m.error, coalesce(m.ended_at, m.ending_at, m.requested_at) as at, m.not_before as "retryAt"
    from machines m
    where m.pool = ${pool} and m.error is not null
      and (m.state not in ('ended', 'failed') or (m.state = 'failed' and m.ended_at > clock_timestamp() - interval '1 day'))
    order by coalesce(m.ended_at, m.ending_at, m.requested_at) desc limit ${limit}`.execute(db);
  return rows;
}
