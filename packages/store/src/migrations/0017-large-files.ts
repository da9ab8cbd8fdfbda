import { type Kysely, sql } from "kysely";

/** Whose jobs may read a repository beside its own, and the large files of git LFS that were pushed to it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table repositories
    add column readable_by text not null default 'own' check (readable_by in ('own', 'owner', 'farm'))`,
  // one blob each: whoever pushes a file has it, whatever other repositories hold
  `create table lfs_objects (
    repository_id bigint not null references repositories,
    oid text not null check (oid ~ '^[0-9a-f]{64}$'),
    length_bytes bigint not null check (length_bytes >= 0),
    blob_key text not null unique,
    created_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (repository_id, oid)
  )`,
];
