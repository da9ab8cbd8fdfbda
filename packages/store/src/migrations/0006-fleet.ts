import { type Kysely, sql } from "kysely";

/**
 * The fleet: agents known by certificates, pools with limits, policies and providers, machines that providers made,
 * aliases of labels, weights for the fair share, and the audit trail. Everything is added, nothing taken away, so that
 * a controller of the version before goes on beside one of this.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table owners add column weight integer not null default 1 check (weight between 1 and 1000)`,
  `alter table repositories
    add column weight integer not null default 1 check (weight between 1 and 1000),
    add column jobs_max integer check (jobs_max >= 1)`,

  // slots: of agents that join without saying. scaling and provider: null when the pool is not scaled
  `alter table pools
    add column description text not null default '',
    add column slots integer check (slots between 1 and 1000),
    add column jobs_max integer check (jobs_max >= 1),
    add column paused_by text,
    add column scaling jsonb,
    add column provider jsonb,
    add column updated_at timestamptz not null default now()`,
  `insert into pools (name, description, labels) values
    ('node', 'JavaScript and TypeScript', '{node,linux,self-hosted}'),
    ('python', 'Python', '{python,linux,self-hosted}'),
    ('go', 'Go', '{go,linux,self-hosted}'),
    ('rust', 'Rust', '{rust,linux,self-hosted}'),
    ('java', 'Java and other languages of its machine', '{java,linux,self-hosted}')
   on conflict (name) do nothing`,

  // a job that asks for the alias is run by an agent that has all of the labels
  `create table label_aliases (
    alias text primary key check (length(alias) between 1 and 100 and alias = lower(alias)),
    labels text[] not null check (cardinality(labels) between 1 and 16),
    created_by text not null,
    created_at timestamptz not null default now()
  )`,
  `insert into label_aliases (alias, labels, created_by) values
    ('ubuntu-latest', '{linux}', 'windrow'),
    ('ubuntu-24.04', '{linux}', 'windrow'),
    ('ubuntu-22.04', '{linux}', 'windrow')`,

  // a machine that a provider made, or is to make, for one agent
  `create table machines (
    id uuid primary key,
    pool text not null references pools (name),
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,98}$'),
    provider text not null check (provider in ('process', 'docker', 'command')),
    host text,
    state text not null check (state in ('creating', 'starting', 'ready', 'ending', 'ended', 'failed')),
    is_ephemeral boolean not null default false,
    agent_id uuid references agents (id),
    reason text not null default '',
    error text,
    try_count integer not null default 0,
    not_before timestamptz,
    requested_at timestamptz not null default clock_timestamp(),
    created_at timestamptz,
    joined_at timestamptz,
    ending_at timestamptz,
    ended_at timestamptz,
    check ((state in ('ended', 'failed')) = (ended_at is not null))
  )`,
  `create index machines_open on machines (pool) where state not in ('ended', 'failed')`,
  `alter table tokens add column machine_id uuid references machines (id)`,

  // public_key: SPKI, DER. effective_labels: own, the pool's, the aliases they cover and pool:NAME, in lower case
  `alter table agents
    alter column credential_hash drop not null,
    add column public_key bytea unique,
    add column certificate_expires_at timestamptz,
    add column effective_labels text[] not null default '{}',
    add column toolchains jsonb not null default '[]',
    add column is_ephemeral boolean not null default false,
    add column is_upgradable boolean not null default false,
    add column machine_id uuid references machines (id),
    add column disabled_at timestamptz,
    add column disabled_reason text`,

  // kept by triggers, so that no statement can forget it; rows of agents are locked in the order of their ids, as everywhere
  `create function effective_labels(own text[], pool_name text) returns text[] language sql stable as $$
    with plain as (
      select array(
        select distinct lower(l) from unnest(own || (select p.labels from pools p where p.name = pool_name)) l
        where lower(l) not like 'pool:%' order by 1
      ) as labels
    )
    select plain.labels
      || array(select a.alias from label_aliases a
          where a.labels <@ plain.labels and not a.alias = any (plain.labels) order by 1)
      || ('pool:' || pool_name)
    from plain
  $$`,
  `create function keep_agent_labels() returns trigger language plpgsql as $$
    begin
      new.effective_labels := effective_labels(new.labels, new.pool);
      return new;
    end $$`,
  `create trigger agents_labels before insert or update of labels, pool on agents
    for each row execute function keep_agent_labels()`,
  `create function keep_pool_labels() returns trigger language plpgsql as $$
    begin
      update agents a set effective_labels = effective_labels(a.labels, a.pool)
      from (select id from agents where pool = new.name and state <> 'removed' order by id for update) locked
      where a.id = locked.id;
      return null;
    end $$`,
  `create trigger pools_labels after update of labels on pools
    for each row when (old.labels is distinct from new.labels) execute function keep_pool_labels()`,
  `create function keep_alias_labels() returns trigger language plpgsql as $$
    begin
      update agents a set effective_labels = effective_labels(a.labels, a.pool)
      from (select id from agents where state <> 'removed' order by id for update) locked
      where a.id = locked.id;
      return null;
    end $$`,
  `create trigger label_aliases_labels after insert or update or delete on label_aliases
    for each statement execute function keep_alias_labels()`,
  `update agents set labels = labels where state <> 'removed'`,

  // what an agent has worked on: it has the mirror and caches of these repositories
  `create table agent_repositories (
    agent_id uuid not null references agents (id),
    repository_id bigint not null references repositories (id),
    used_at timestamptz not null default clock_timestamp(),
    primary key (agent_id, repository_id)
  )`,

  // who changed what; rows are only ever added
  `create table audit_entries (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    token_id uuid,
    ip text,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb
  )`,
  `create index audit_entries_subject on audit_entries (subject, id desc)`,
];
