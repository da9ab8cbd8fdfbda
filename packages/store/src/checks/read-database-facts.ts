import { sql } from "kysely";
import type { Database } from "../database.ts";

/** What a farm's promises rest on, as the database itself says it. */
export interface DatabaseFacts {
  /** 150018 is 15.18. */
  readonly versionNum: number;
  readonly fsync: string;
  readonly fullPageWrites: string;
  readonly synchronousCommit: string;
  readonly isStandby: boolean;
  readonly nowMs: number;
  readonly connectionsMax: number;
  readonly connectionsCount: number;
}

export async function readDatabaseFacts(db: Database): Promise<DatabaseFacts> {
  const { rows } = await sql<DatabaseFacts>`
    select current_setting('server_version_num')::int as "versionNum", current_setting('fsync') as fsync,
      current_setting('full_page_writes') as "fullPageWrites", current_setting('synchronous_commit') as "synchronousCommit",
      pg_is_in_recovery() as "isStandby", (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
      current_setting('max_connections')::int as "connectionsMax",
      (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as "connectionsCount"`.execute(
    db,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error("the database answered with no row");
  return facts;
}
