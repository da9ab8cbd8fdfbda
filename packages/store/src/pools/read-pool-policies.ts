import type { PoolJobSettings } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface PoolPolicyRow {
  readonly name: string;
  readonly jobSettings: PoolJobSettings | null;
  readonly untrustedAllowed: boolean;
}

/** What each pool says about its jobs, by name. */
export async function readPoolPolicies(db: Database | Tx): Promise<PoolPolicyRow[]> {
  const { rows } = await sql<PoolPolicyRow>`
    select name, job_settings as "jobSettings", untrusted_allowed as "untrustedAllowed" from pools order by name`.execute(
    db,
  );
  return rows;
}
