import { type Kysely, sql } from "kysely";

/** A farm knows itself by an id of its own, which stands on whatever it makes elsewhere: containers, machines of a cloud. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table farm (is_only boolean primary key default true check (is_only), id uuid not null default gen_random_uuid())`,
  `insert into farm default values`,
];
