import { type Kysely, sql } from "kysely";

/**
 * A pool can be deleted while the attempts and removed agents that were in it stay: instead of foreign keys a trigger
 * sees to it that nothing new begins in a pool that is not there. Entries of the audit trail are never changed.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table attempts drop constraint attempts_pool_fkey`,
  `alter table agents drop constraint agents_pool_fkey`,
  `alter table machines drop constraint machines_pool_fkey`,
  // the lock is the one that a foreign key takes: it waits for who deletes the pool, and makes that one wait
  `create function require_pool() returns trigger language plpgsql as $$
    begin
      perform from pools where name = new.pool for key share;
      if not found then
        raise foreign_key_violation using message = format('there is no pool %L', new.pool);
      end if;
      return new;
    end $$`,
  `create trigger agents_pool before insert or update of pool on agents for each row execute function require_pool()`,
  `create trigger machines_pool before insert or update of pool on machines for each row execute function require_pool()`,

  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise insufficient_privilege using message = format('rows of %I are never changed or deleted', tg_table_name);
    end $$`,
  `create trigger audit_entries_kept before update or delete or truncate on audit_entries
    for each statement execute function refuse_change()`,
  `create index audit_entries_actor on audit_entries (actor, id desc)`,
];
