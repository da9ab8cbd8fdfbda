import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { expect, test } from "vitest";
import { migrate } from "../src/index.ts";
import * as farm from "../src/migrations/0001-farm.ts";
import { createEmptyDatabase, openTestDatabase } from "./database-kit.ts";

test("a farm of the first schema keeps its runs and jobs, though two controllers start at once", async () => {
  const connectionString = await createEmptyDatabase();
  const controllers = [openTestDatabase(connectionString), openTestDatabase(connectionString)] as const;
  const [db] = controllers;
  const run = (text: string) => sql.raw(text).execute(db);
  try {
    await new Migrator({ db, provider: { getMigrations: async () => ({ "0001-farm": farm }) } }).migrateToLatest();
    await run("insert into owners (name) values ('me')");
    await run("insert into repositories (owner, name, created_by) values ('me', 'app', 'me')");
    await run(`
      insert into runs (repository_id, number, event_name, event_json, ref, sha, title, actor, workflow_path, workflow_name,
        state, conclusion, finished_at)
      select r.id, n, 'push', '{}', 'refs/heads/main', repeat('a', 40), 't', 'me', 'ci.yml', 'ci',
        case n when 1 then 'finished' else 'running' end, case n when 1 then 'success' end, case n when 1 then now() end
      from repositories r, generate_series(1, 2) n`);
    await run("insert into label_sets (labels) values ('{linux}')");
    await run(`
      insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix, trust, state, timeout_ms, label_set_id, queued_at, outcome,
        conclusion, finished_at)
      select r.id, 1, r.repository_id, 'me', s, s, '{"b": 1, "a": "x"}', 'trusted', s, 1000, l.id, now(),
        case s when 'finished' then 'succeeded' end, case s when 'finished' then 'success' end,
        case s when 'finished' then now() end
      from runs r, label_sets l, unnest(array['blocked', 'queued', 'leased', 'running', 'finished']) s`);
    const before = await run("select id, key, state, label_set_id, outcome from jobs order by id");
    await Promise.all(controllers.map((one) => migrate(one)));
    const after = await run("select id, key, state, label_set_id, outcome from jobs order by id");
    expect(after.rows).toEqual(before.rows);
    const { rows } = await run("select distinct kind, parent_job_id, matrix ->> 'a' as a from jobs");
    expect(rows).toEqual([{ kind: "ordinary", parent_job_id: null, a: "x" }]);
    const runs = await run("select inputs, depth, followers_due, head_ref from runs");
    expect(runs.rows[0]).toEqual({ inputs: {}, depth: 0, followers_due: false, head_ref: "" });
    // the old check stands in its new form
    await expect(run("update jobs set label_set_id = null where state = 'queued'")).rejects.toThrow("jobs_labels");
    await run("update jobs set kind = 'call', label_set_id = null where state = 'running'");
  } finally {
    await Promise.all(controllers.map((one) => one.destroy()));
  }
});
