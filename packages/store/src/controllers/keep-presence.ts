import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

const PRESENCE_LOCK_KEY = 7_010_100;

export interface ControllerIdentity {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  /** Host names and addresses at which it and what it works with are reached. */
  readonly addresses?: readonly string[];
}

/**
 * Says that this controller lives, and how long none did before: after such a gap leases are extended, since agents
 * could reach nobody. Runs in a transaction whose lock keeps two returning controllers from judging the same gap apart.
 */
export async function keepPresence(tx: Tx, controller: ControllerIdentity): Promise<{ readonly gapMs: number }> {
  await sql`select pg_advisory_xact_lock(${PRESENCE_LOCK_KEY})`.execute(tx);
  const { rows } = await sql<{ gapMs: number | null }>`
    select (extract(epoch from clock_timestamp() - max(last_seen_at)) * 1000)::float8 as "gapMs" from controllers`.execute(
    tx,
  );
  await sql`
    insert into controllers (id, hostname, version, started_at, last_seen_at, addresses)
    values (${controller.id}, ${controller.hostname}, ${controller.version}, clock_timestamp(), clock_timestamp(),
      ${controller.addresses ?? []}::text[])
    on conflict (id) do update set last_seen_at = clock_timestamp(), stopped_at = null, addresses = excluded.addresses`.execute(
    tx,
  );
  return { gapMs: rows[0]?.gapMs ?? 0 };
}

/** A polite stop; the row stays as history until it is forgotten. */
export async function endPresence(db: Database, controllerId: string): Promise<void> {
  await sql`update controllers set stopped_at = clock_timestamp() where id = ${controllerId}`.execute(db);
}

/** Removes controllers not seen for a day. */
export async function forgetControllers(db: Database): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from controllers where last_seen_at < clock_timestamp() - interval '1 day'`.execute(db);
  return Number(numAffectedRows ?? 0);
}
