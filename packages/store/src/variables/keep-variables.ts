import { sql } from "kysely";
import type { Database } from "../database.ts";
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

export const VARIABLES_LISTED_MAX = 1_000;

const columns = sql`v.name, v.value, v.owner, (
    select p.owner || '/' || p.name from repositories p where p.id = v.repository_id
  ) as repository, v.updated_by as "updatedBy", v.updated_at as "updatedAt"`;

const ofLevel = ({ owner, repositoryId }: VariableLevel) =>
  sql`v.owner is not distinct from ${owner}::text and v.repository_id is not distinct from ${repositoryId}::bigint`;

/** Variables of one level, by name. */
export async function listVariables(db: Database, level: VariableLevel): Promise<VariableRow[]> {
  const { rows } = await sql<VariableRow>`
    select ${columns} from variables v where ${ofLevel(level)} order by v.name limit ${VARIABLES_LISTED_MAX}`.execute(
    db,
  );
  return rows;
}

/** What the jobs of a repository see, from all levels. */
export async function listEffectiveVariables(db: Database, repositoryId: number): Promise<VariableRow[]> {
  const { rows } = await sql<VariableRow>`
    select distinct on (v.name) ${columns}
    from variables v join repositories r on r.id = ${repositoryId}
    where (v.owner is null and v.repository_id is null) or v.owner = r.owner or v.repository_id = r.id
    order by v.name, v.repository_id nulls last, v.owner nulls last limit ${VARIABLES_LISTED_MAX}`.execute(db);
  return rows;
}

/** Sets a variable of a level, new or not. */
export async function setVariable(
  db: Database,
  variable: VariableLevel & { readonly name: string; readonly value: string; readonly by: string },
): Promise<VariableRow> {
  const { owner, repositoryId, name, value, by } = variable;
  const { rows } = await sql<VariableRow>`
    with owned as (
      insert into owners (name) select ${owner}::text where ${owner}::text is not null on conflict do nothing
    ),
    v as (
      insert into variables (owner, repository_id, name, value, updated_by)
      values (${owner}, ${repositoryId}, ${name}, ${value}, ${by})
      on conflict (name, coalesce(owner, ''), coalesce(repository_id, 0))
      do update set value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
      returning *
    )
    select ${columns} from v`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`variable ${name} was not written`);
  return row;
}

/** Deletes a variable of a level; undefined when there is none. */
export async function deleteVariable(
  db: Database,
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
