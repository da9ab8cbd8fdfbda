import { type Kysely, sql } from "kysely";

/** Upgrades of pools: which version, how many agents at once, and where each agent is with it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table pool_upgrades (
    id bigint generated always as identity primary key,
    pool text not null references pools (name) on delete cascade,
    version text not null,
    at_once integer not null check (at_once between 1 and 1000),
    state text not null default 'running' check (state in ('running', 'finished', 'halted', 'aborted')),
    reason text not null default '',
    requested_by text not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    check ((state = 'running') = (ended_at is null))
  )`,
  `create unique index pool_upgrades_running on pool_upgrades (pool) where state = 'running'`,
  `create index pool_upgrades_of_pool on pool_upgrades (pool, id desc)`,
  // was_drained: by somebody else, before; the upgrade does not undo that. sent_instance_id: the process that was told
  `create table agent_upgrades (
    upgrade_id bigint not null references pool_upgrades (id) on delete cascade,
    agent_id uuid not null references agents (id),
    state text not null check (state in ('draining', 'upgrading', 'upgraded', 'skipped', 'failed')),
    from_version text not null,
    was_drained boolean not null,
    sent_at timestamptz,
    sent_instance_id uuid,
    problem text,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    primary key (upgrade_id, agent_id),
    check ((state in ('draining', 'upgrading')) = (ended_at is null))
  )`,
  `create index agent_upgrades_open on agent_upgrades (agent_id) where ended_at is null`,
];
