import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";

const FILL_AT_ONCE = 5_000;

/** Puts so many jobs alike with this label into the queue, straight into the tables. */
export async function fillQueue(farm: Farm, count: number, label: string): Promise<void> {
  const repository = await farm.db.selectFrom("repositories").selectAll().limit(1).executeTakeFirstOrThrow();
  const { rows } = await sql<{ run_id: number; set_id: number }>`
    with set as (insert into label_sets (labels) values (array[${label}]::text[]) returning id)
    insert into runs (repository_id, number, event_name, event_json, ref, sha, actor, workflow_path, workflow_name, state)
    select ${repository.id}, 1000000, 'push', '{}', 'refs/heads/x', repeat('0', 40), 'bench', 'x.yml', 'x', 'running'
    from set returning id as run_id, (select id from set) as set_id`.execute(farm.db);
  const [made] = rows;
  if (made === undefined) throw new Error("no run for the queue was made");
  for (let from = 1; from <= count; from += FILL_AT_ONCE) {
    await sql`
      insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix_index, label_set_id, trust, state, queued_at)
      select ${made.run_id}::bigint, 1, ${repository.id}::bigint, ${repository.owner}, 'deep', 'deep', n, ${made.set_id}::bigint,
        'trusted', 'queued', now()
      from generate_series(${from}::int, ${Math.min(count, from + FILL_AT_ONCE - 1)}::int) as n`.execute(farm.db);
  }
  await sql`analyze jobs`.execute(farm.db);
}

/**
 * Repeats a run that waits, with all its jobs, until so many jobs are queued: ones that agents can really run. Nothing may
 * be granted meanwhile.
 */
export async function repeatRun(farm: Farm, runId: number, count: number): Promise<void> {
  const { jobs } = await farm.db
    .selectFrom("jobs")
    .select((eb) => eb.fn.countAll<number>().as("jobs"))
    .where("run_id", "=", runId)
    .executeTakeFirstOrThrow();
  // one run a statement: a statement may not take long. `lateral`, since `(f(x)).*` would make the row once for each column
  for (let copy = 0; copy * Number(jobs) < count; copy++) {
    await sql`
      with copy as (
        insert into runs overriding system value
        select made.* from runs r, lateral jsonb_populate_record(null::runs, to_jsonb(r) || jsonb_build_object(
          'id', nextval(pg_get_serial_sequence('runs', 'id')), 'number', ${2_000_000 + copy}::int, 'push_id', null)) made
        where r.id = ${runId}::bigint
        returning id
      )
      insert into jobs overriding system value
      select made.* from jobs j, copy, lateral jsonb_populate_record(null::jobs, to_jsonb(j) || jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('jobs', 'id')), 'run_id', copy.id)) made
      where j.run_id = ${runId}::bigint`.execute(farm.db);
  }
  await sql`analyze jobs, runs`.execute(farm.db);
}
