import { type Kysely, sql } from "kysely";

/**
 * Labels of agents that join while somebody changes those of their pool, or an alias: neither sees the other's row
 * before it is committed, so the two wait for each other. And the way to what waits, beside a long history.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // the shared locks let any number of agents join at a time; a function that writes has a new snapshot after each lock
  `create or replace function keep_agent_labels() returns trigger language plpgsql as $$
    begin
      if tg_op = 'INSERT' then
        perform from pools where name = new.pool for share;
        perform pg_advisory_xact_lock_shared(7010115);
      end if;
      new.effective_labels := effective_labels(new.labels, new.pool);
      return new;
    end $$`,
  // agents whose labels stay as they are are not written
  `create or replace function keep_alias_labels() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(7010115);
      update agents a set effective_labels = effective_labels(a.labels, a.pool)
      from (select id from agents where state <> 'removed' order by id for update) locked
      where a.id = locked.id and a.effective_labels is distinct from effective_labels(a.labels, a.pool);
      return null;
    end $$`,
  `create index jobs_waiting on jobs ((-priority), id) where state in ('blocked', 'queued', 'leased')`,
];
