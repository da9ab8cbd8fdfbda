import { sql } from "kysely";
import type { Farm } from "./farm.ts";

/**
 * Marks every job from now on as exclusive, as a deployment's is: in its row, and in the plan that an agent gets. Done in
 * the database, so that nothing of the farm knows that it is a test.
 */
export async function makeJobsExclusive(farm: Farm): Promise<void> {
  await sql`
    create function test_job_exclusive() returns trigger language plpgsql as $$
    begin new.exclusive := true; return new; end $$`.execute(farm.db);
  await sql`
    create function test_plan_exclusive() returns trigger language plpgsql as $$
    begin
      if new.plan is not null then new.plan := jsonb_set(new.plan, '{exclusive}', 'true'); end if;
      return new;
    end $$`.execute(farm.db);
  await sql`create trigger test_exclusive before insert on jobs for each row execute function test_job_exclusive()`.execute(
    farm.db,
  );
  await sql`
    create trigger test_exclusive before insert or update of plan on attempts
    for each row execute function test_plan_exclusive()`.execute(farm.db);
}
