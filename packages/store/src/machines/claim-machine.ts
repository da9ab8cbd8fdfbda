import { sql } from "kysely";
import type { Database } from "../database.ts";

/**
 * Says that a machine is made on this host, and so can be seen and ended there only. False when it is another host's
 * already, or not to be made any more.
 */
export async function claimMachine(
  db: Database,
  options: { readonly machineId: string; readonly host: string },
): Promise<boolean> {
  const { machineId, host } = options;
  const { rows } = await sql`
    update machines set host = ${host}
    where id = ${machineId} and state = 'creating' and (host is null or host = ${host}) returning id`.execute(db);
  return rows.length === 1;
}

/** Says that a machine which was on another host, by name, is seen on this one. False when it has moved or is over. */
export async function adoptMachine(
  db: Database,
  options: { readonly machineId: string; readonly from: string; readonly to: string },
): Promise<boolean> {
  const { machineId, from, to } = options;
  const { rows } = await sql`
    update machines set host = ${to}, error = null, try_count = 0, not_before = null
    where id = ${machineId} and host = ${from} and state not in ('ended', 'failed') returning id`.execute(db);
  return rows.length === 1;
}
