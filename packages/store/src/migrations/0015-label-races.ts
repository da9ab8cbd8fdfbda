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
  // all are locked, so that none changes its own labels meanwhile; computed are only those that the alias is about
  `create or replace function keep_alias_labels() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(7010115);
      perform from agents where state <> 'removed' order by id for update;
      update agents a set effective_labels = effective_labels(a.labels, a.pool)
      where a.state <> 'removed'
        and (tg_op <> 'INSERT' and old.alias = any (a.effective_labels)
          or tg_op <> 'DELETE' and new.labels <@ a.effective_labels);
      return null;
    end $$`,
  // by row: an upsert counts as an insert and an update of the statement
  `drop trigger label_aliases_labels on label_aliases`,
  `create trigger label_aliases_labels after insert or update or delete on label_aliases
    for each row execute function keep_alias_labels()`,
  `create index jobs_waiting on jobs ((-priority), id) where state in ('blocked', 'queued', 'leased')`,
];
