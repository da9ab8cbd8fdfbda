import { comingBackMs } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * After an outage of our own: every running attempt and every connected agent gets the whole time again, since none of
 * them could reach us, and a large fleet the time that it spreads its coming back over. Open offers too.
 */
export async function extendLeases(tx: Tx): Promise<{ readonly attemptsCount: number }> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from agents where state in ('ready', 'draining', 'suspect')`.execute(tx);
  const longerMs = comingBackMs(rows[0]?.count ?? 0);
  // locked as everybody locks them: attempts before agents, each in the order of their ids
  await sql`select from attempts where state in ('offered', 'running') order by id for update`.execute(tx);
  await sql`select from agents where state in ('ready', 'draining', 'suspect') order by id for update`.execute(tx);
  const { numAffectedRows } = await sql`
    update attempts a set
      lease_until = greatest(a.lease_until, clock_timestamp() + (p.lost_after_ms + ${longerMs}::bigint) * interval '1 ms')
    from pools p where p.name = a.pool and a.state = 'running'`.execute(tx);
  await sql`
    update attempts a set offer_until = clock_timestamp() + p.offer_ms * interval '1 ms'
    from pools p where p.name = a.pool and a.state = 'offered'`.execute(tx);
  await sql`
    update agents set last_seen_at = clock_timestamp() where state in ('ready', 'draining', 'suspect')`.execute(tx);
  return { attemptsCount: Number(numAffectedRows ?? 0) };
}
