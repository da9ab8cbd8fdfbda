import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface ControllerView {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  readonly last_seen_at: Date;
  /** Seen in the last 15 s and not stopped. */
  readonly answering: boolean;
}

/** Controllers that were seen in the last day, latest first. */
export async function listControllers(db: Database): Promise<ControllerView[]> {
  const { rows } = await sql<ControllerView>`
    select id, hostname, version, last_seen_at,
      stopped_at is null and last_seen_at > clock_timestamp() - interval '15 s' as answering
    from controllers where last_seen_at > clock_timestamp() - interval '1 day' and stopped_at is null
    order by last_seen_at desc limit 100`.execute(db);
  return rows;
}
