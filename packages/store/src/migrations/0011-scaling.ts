import { type Kysely, sql } from "kysely";

/**
 * What decides how many agents a pool has, and what it decided: the decisions themselves, and the ways to the recorded
 * history of a pool (its attempts in the order of their offers) and to what an agent did last.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // bounded per pool by whoever adds one
  `create table scale_decisions (
    id bigint generated always as identity primary key,
    pool text not null references pools (name) on delete cascade,
    at timestamptz not null default clock_timestamp(),
    direction text not null check (direction in ('up', 'down', 'hold')),
    code text not null,
    reason text not null,
    desired integer not null,
    made integer not null,
    ended integer not null,
    starting integer not null,
    idle integer not null,
    busy integer not null,
    queued integer not null
  )`,
  `create index scale_decisions_pool on scale_decisions (pool, id desc)`,
  `create index attempts_pool on attempts (pool, offered_at desc)`,
  `create index attempts_agent on attempts (agent_id, offered_at desc)`,
  `create index jobs_blocked on jobs (run_id) where state = 'blocked'`,
  `create index machines_failed on machines (pool, ended_at desc) where state = 'failed'`,
];
