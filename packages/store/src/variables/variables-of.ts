import { type RawBuilder, sql } from "kysely";

/**
 * Reads as a JSON map the variables that hold for a repository: its own, else its owner's, else the farm's. To stand in a
 * statement that has the owner's name and the repository's id in these columns.
 */
export function variablesOf(owner: RawBuilder<unknown>, repositoryId: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`coalesce((
    select jsonb_object_agg(v.name, v.value) from (
      select distinct on (v.name) v.name, v.value from variables v
      where (v.owner is null and v.repository_id is null) or v.owner = ${owner} or v.repository_id = ${repositoryId}
      order by v.name, v.repository_id nulls last, v.owner nulls last
    ) v
  ), '{}')`;
}
