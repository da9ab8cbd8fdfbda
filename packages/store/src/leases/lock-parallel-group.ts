import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * How many more jobs of one matrix may run at once, with its key locked until the transaction ends: so two pools'
 * dispatchers cannot both fill its `max-parallel`. The key is `run/attempt/job key`.
 */
export async function lockParallelGroup(tx: Tx, siblingKey: string): Promise<number> {
  await sql`select pg_advisory_xact_lock(7010101, hashtext(${siblingKey}))`.execute(tx);
  const [runId = "0", runAttempt = "0", ...key] = siblingKey.split("/");
  const { rows } = await sql<{ left: number | null }>`
    select (max(j.max_parallel) - count(*) filter (where j.state in ('leased', 'running')))::int as left
    from jobs j
    where j.run_id = ${runId}::bigint and j.run_attempt = ${runAttempt}::int and j.key = ${key.join("/")}`.execute(tx);
  return rows[0]?.left ?? 0;
}
