import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { variablesOf } from "./variables-of.ts";

/** Whose variable: the farm's when both are null. */
export interface VariableLevel {
  readonly owner: string | null;
  readonly repositoryId: number | null;
}

export interface VariableRow {
  readonly name: string;
  readonly value: string;
  readonly owner: string | null;
  /** `owner/name` */
  readonly repository: string | null;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

/** Of one level, as documented. */
export const VARIABLES_MAX = 1_000;
/** Names and values of one level together, as documented: every job of a repository is decided with all of them at hand. */
export const VARIABLES_BYTES_MAX = 256 * 1024;

const columns = sql`v.name, v.value, v.owner, (
    select p.owner || '/' || p.name from repositories p where p.id = v.repository_id
  ) as repository, v.updated_by as "updatedBy", v.updated_at as "updatedAt"`;

const ofLevel = ({ owner, repositoryId }: VariableLevel) =>
  sql`v.owner is not distinct from ${owner}::text and v.repository_id is not distinct from ${repositoryId}::bigint`;

/** Variables of one level, by name. */
export async function listVariables(db: Database | Tx, level: VariableLevel): Promise<VariableRow[]> {
  const { rows } = await sql<VariableRow>`
    select ${columns} from variables v where ${ofLevel(level)} order by v.name limit ${VARIABLES_MAX}`.execute(db);
  return rows;
}

/** What the jobs of a repository see, from all levels. */
export async function listEffectiveVariables(db: Database, repositoryId: number): Promise<VariableRow[]> {
  const { rows } = await sql<VariableRow>`
    select distinct on (v.name) ${columns}
    from variables v join repositories r on r.id = ${repositoryId}
    where (v.owner is null and v.repository_id is null) or v.owner = r.owner or v.repository_id = r.id
    order by v.name, v.repository_id nulls last, v.owner nulls last limit ${3 * VARIABLES_MAX}`.execute(db);
  return rows;
}

/** Sets a variable of a level, new or not; undefined when the level would have more than it may. */
export async function setVariable(
  db: Database | Tx,
  variable: VariableLevel & { readonly name: string; readonly value: string; readonly by: string },
): Promise<VariableRow | undefined> {
  const { owner, repositoryId, name, value, by } = variable;
  const { rows } = await sql<VariableRow>`
    with others as (
      select count(*) as count, coalesce(sum(octet_length(v.name) + octet_length(v.value)), 0) as bytes
      from variables v where ${ofLevel(variable)} and v.name <> ${name}
    ),
    fitting as (
      select from others where count < ${VARIABLES_MAX}
        and bytes + octet_length(${name}::text) + octet_length(${value}::text) <= ${VARIABLES_BYTES_MAX}
    ),
    owned as (
      insert into owners (name) select ${owner}::text from fitting where ${owner}::text is not null
      on conflict do nothing
    ),
    v as (
      insert into variables (owner, repository_id, name, value, updated_by)
      select ${owner}::text, ${repositoryId}::bigint, ${name}, ${value}, ${by} from fitting
      on conflict (name, coalesce(owner, ''), coalesce(repository_id, 0))
      do update set value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
      returning *
    )
    select ${columns} from v`.execute(db);
  return rows[0];
}

/** Deletes a variable of a level; undefined when there is none. */
export async function deleteVariable(
  db: Database | Tx,
  variable: VariableLevel & { readonly name: string },
): Promise<VariableRow | undefined> {
  const { rows } = await sql<VariableRow>`
    with v as (
      delete from variables v where v.name = ${variable.name} and ${ofLevel(variable)} returning *
    )
    select ${columns} from v`.execute(db);
  return rows[0];
}

/** What a repository's expressions see as `vars`. */
export async function readVariables(db: Database, repositoryId: number): Promise<{ readonly [name: string]: string }> {
  const { rows } = await sql<{ vars: { readonly [name: string]: string } }>`
    select ${variablesOf(sql.ref("p.owner"), sql.ref("p.id"))} as vars from repositories p where p.id = ${repositoryId}`.execute(
    db,
  );
  return rows[0]?.vars ?? {};
}
