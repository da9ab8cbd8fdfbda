import { type Kysely, sql } from "kysely";

/**
 * The farm's first schema. States are text columns with checks that repeat the lists of the model package (a test
 * compares them). Times are set by the database clock. Ids that people see are 53-bit integers, the others UUIDs made
 * by the application.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table owners (
    name text primary key check (length(name) between 1 and 100),
    created_at timestamptz not null default now()
  )`,

  `create table repositories (
    id bigint generated always as identity primary key,
    owner text not null references owners (name),
    name text not null check (length(name) between 1 and 100),
    default_branch text not null default 'main',
    language text,
    next_run_number integer not null default 1,
    created_by text not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
  )`,
  `create unique index repositories_name on repositories (owner, name) where deleted_at is null`,

  // user and API tokens, and join tokens; job tokens live on their attempt
  `create table tokens (
    id uuid primary key,
    kind text not null check (kind in ('user', 'join')),
    name text not null,
    hash bytea not null unique,
    prefix text not null,
    role text check (role in ('admin', 'developer', 'reader')),
    owner text references owners (name),
    pool text,
    uses_max integer,
    uses_count integer not null default 0,
    expires_at timestamptz,
    created_by text not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    check ((kind = 'user') = (role is not null)),
    check (kind <> 'join' or (pool is not null and uses_max is not null and expires_at is not null)),
    check (uses_max is null or uses_count <= uses_max)
  )`,

  `create table pools (
    name text primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    labels text[] not null default '{}',
    priority integer not null default 0,
    weight integer not null default 1 check (weight > 0),
    untrusted_allowed boolean not null default false,
    suspect_after_ms integer not null default 15000,
    lost_after_ms integer not null default 30000,
    lease_margin_ms integer not null default 2000,
    offer_ms integer not null default 10000,
    orphan_grace_ms integer not null default 600000,
    infra_retries_max integer not null default 2,
    expiry_held_until timestamptz,
    paused_at timestamptz,
    paused_reason text,
    created_at timestamptz not null default now(),
    check (lost_after_ms > suspect_after_ms),
    check (lease_margin_ms < lost_after_ms)
  )`,
  `insert into pools (name) values ('default')`,

  // who is the pool's one dispatcher; a term is named by term_id
  `create table pool_leases (
    pool text primary key references pools (name),
    controller_id uuid not null,
    term_id uuid not null,
    elected_at timestamptz not null,
    expires_at timestamptz not null
  )`,

  `create table controllers (
    id uuid primary key,
    hostname text not null,
    version text not null,
    started_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    stopped_at timestamptz
  )`,

  `create table label_sets (
    id bigint generated always as identity primary key,
    labels text[] not null unique
  )`,

  `create table agents (
    id uuid primary key,
    name text not null,
    pool text not null references pools (name),
    state text not null check (state in ('joining', 'ready', 'draining', 'suspect', 'lost', 'removed')),
    labels text[] not null default '{}',
    slots integer not null default 1 check (slots between 1 and 1000),
    drain_requested boolean not null default false,
    drain_reason text,
    credential_hash bytea not null unique,
    nats_public_key text not null,
    hostname text not null default '',
    version text not null default '',
    protocol_version integer not null default 1,
    instance_id uuid,
    session_no bigint not null default 0,
    session_controller uuid,
    joined_with uuid references tokens (id),
    created_at timestamptz not null default now(),
    connected_at timestamptz,
    last_seen_at timestamptz,
    suspect_at timestamptz,
    lost_at timestamptz,
    removed_at timestamptz,
    check ((state = 'removed') = (removed_at is not null))
  )`,
  `create unique index agents_name on agents (name) where state <> 'removed'`,
  `create index agents_pool on agents (pool) where state in ('ready', 'draining', 'suspect')`,

  // every process a credential was ever used by: an earlier one that comes back means a cloned credential
  `create table agent_instances (
    agent_id uuid not null references agents (id),
    instance_id uuid not null,
    first_session_no bigint not null,
    superseded_at timestamptz,
    seen_at timestamptz not null default now(),
    primary key (agent_id, instance_id)
  )`,

  `create table pushes (
    id bigint generated always as identity primary key,
    repository_id bigint not null references repositories (id),
    ref text not null check (length(ref) <= 255),
    before_sha text not null,
    after_sha text not null,
    actor text not null,
    options text[] not null default '{}',
    state text not null default 'received' check (state in ('received', 'settled', 'abandoned')),
    received_at timestamptz not null default now(),
    settled_at timestamptz,
    reason text,
    check ((state = 'received') = (settled_at is null))
  )`,
  `create index pushes_received on pushes (received_at) where state = 'received'`,
  `create index pushes_ref on pushes (repository_id, ref, after_sha)`,

  `create table runs (
    id bigint generated always as identity primary key,
    repository_id bigint not null references repositories (id),
    number integer not null,
    attempt integer not null default 1,
    push_id bigint references pushes (id),
    scope text not null default 'branch' check (scope in ('branch', 'tag', 'try')),
    trust text not null default 'trusted' check (trust in ('trusted', 'untrusted')),
    event_name text not null,
    event_json text not null,
    ref text not null,
    sha text not null,
    before_sha text,
    title text not null default '',
    actor text not null,
    workflow_path text not null,
    workflow_name text not null,
    definition jsonb,
    diagnostics jsonb not null default '[]',
    priority integer not null default 0,
    state text not null check (state in ('waiting', 'running', 'finished')),
    conclusion text check (conclusion in ('success', 'failure', 'cancelled', 'skipped')),
    waiting_reason text,
    cancel_requested_at timestamptz,
    cancel_requested_by text,
    cancel_reason text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (repository_id, number),
    unique (push_id, workflow_path, event_name),
    check ((state = 'finished') = (finished_at is not null)),
    check ((state = 'finished') = (conclusion is not null))
  )`,
  `create index runs_recent on runs (repository_id, id desc)`,
  `create index runs_open on runs (id) where state <> 'finished'`,

  `create table jobs (
    id bigint generated always as identity primary key,
    run_id bigint not null references runs (id),
    run_attempt integer not null,
    repository_id bigint not null references repositories (id),
    owner text not null references owners (name),
    key text not null,
    name text not null,
    matrix jsonb not null default '{}',
    matrix_index integer not null default 0,
    matrix_total integer not null default 1,
    fail_fast boolean not null default true,
    max_parallel integer,
    label_set_id bigint references label_sets (id),
    preferred_pool text,
    trust text not null check (trust in ('trusted', 'untrusted')),
    priority integer not null default 0,
    state text not null check (state in ('blocked', 'queued', 'leased', 'running', 'finished')),
    outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'skipped', 'timed_out', 'lost')),
    conclusion text check (conclusion in ('success', 'failure', 'cancelled', 'skipped')),
    reason text,
    message text,
    continue_on_error boolean not null default false,
    exclusive boolean not null default false,
    group_key text,
    timeout_ms bigint not null default 21600000,
    attempt_count integer not null default 0,
    infra_retries_used integer not null default 0,
    not_before timestamptz,
    held_reason text,
    cancel_requested_at timestamptz,
    cancel_reason text,
    outputs jsonb not null default '{}',
    copied_from bigint references jobs (id),
    created_at timestamptz not null default now(),
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    unique (run_id, run_attempt, key, matrix_index),
    check ((state = 'finished') = (finished_at is not null)),
    check ((state = 'finished') = (outcome is not null)),
    check ((state = 'finished') = (conclusion is not null)),
    check (state in ('blocked', 'finished') or label_set_id is not null)
  )`,
  // the queue: narrow, so that history never slows a claim
  `create index jobs_queue on jobs (label_set_id, repository_id, priority desc, id) where state = 'queued'`,
  // the oldest of each repository: waiting raises priority
  `create index jobs_queue_oldest on jobs (label_set_id, repository_id, queued_at, id) where state = 'queued'`,
  `create index jobs_run on jobs (run_id, run_attempt)`,
  `create index jobs_open_repository on jobs (repository_id) where state in ('leased', 'running')`,
  `create unique index jobs_group_holder on jobs (group_key)
     where group_key is not null and state in ('leased', 'running')`,
  `create index jobs_cancel on jobs (id) where cancel_requested_at is not null and state <> 'finished'`,

  `create table job_needs (
    job_id bigint not null references jobs (id),
    needs_job_id bigint not null references jobs (id),
    primary key (job_id, needs_job_id)
  )`,
  `create index job_needs_reverse on job_needs (needs_job_id)`,

  `create sequence fence_seq as bigint`,

  `create table attempts (
    id uuid primary key,
    job_id bigint not null references jobs (id),
    no integer not null check (no >= 1),
    agent_id uuid not null references agents (id),
    pool text not null references pools (name),
    lease_id uuid not null unique,
    fence bigint not null unique default nextval('fence_seq'),
    session_no bigint,
    state text not null check (state in ('offered', 'running', 'finished', 'lost', 'revoked', 'declined', 'expired')),
    offer_until timestamptz not null,
    lease_until timestamptz,
    plan jsonb,
    job_token_hash bytea unique,
    outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'skipped', 'timed_out', 'lost')),
    reason text,
    message text,
    outputs jsonb,
    receipt jsonb,
    finish_answer jsonb,
    log_incomplete boolean not null default false,
    offered_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (job_id, no),
    check ((state in ('offered', 'running')) = (finished_at is null)),
    check (state <> 'running' or (lease_until is not null and session_no is not null and started_at is not null)),
    check (state <> 'finished' or outcome is not null)
  )`,
  // no job has two open attempts
  `create unique index attempts_open_job on attempts (job_id) where state in ('offered', 'running')`,
  `create index attempts_open_agent on attempts (agent_id) where state in ('offered', 'running')`,
  `create index attempts_lease on attempts (lease_until) where state = 'running'`,
  `create index attempts_offer on attempts (offer_until) where state = 'offered'`,

  `create table steps (
    attempt_id uuid not null references attempts (id),
    step_no integer not null check (step_no >= 0),
    name text not null,
    state text not null check (state in ('pending', 'running', 'finished')),
    outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'skipped', 'timed_out', 'lost')),
    conclusion text check (conclusion in ('success', 'failure', 'cancelled', 'skipped')),
    exit_code bigint,
    signal text,
    fault text,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (attempt_id, step_no),
    check ((state = 'finished') = (outcome is not null))
  )`,

  // the durable prefix of each stream; sha256 is set when the stream is sealed
  `create table log_streams (
    attempt_id uuid not null references attempts (id),
    stream text not null check (stream ~ '^(system|[0-9]{1,6})$'),
    length_bytes bigint not null default 0,
    line_count bigint not null default 0,
    sha256 text,
    sealed_at timestamptz,
    restart_count integer not null default 0,
    primary key (attempt_id, stream),
    check ((sha256 is null) = (sealed_at is null))
  )`,
  `create table log_segments (
    attempt_id uuid not null,
    stream text not null,
    start_offset bigint not null,
    length_bytes integer not null check (length_bytes > 0),
    first_line bigint not null,
    line_count integer not null,
    sha256 text not null,
    blob_key text not null unique,
    times jsonb not null default '[]',
    created_at timestamptz not null default now(),
    primary key (attempt_id, stream, start_offset),
    foreign key (attempt_id, stream) references log_streams (attempt_id, stream)
  )`,

  // readers take rows below pg_snapshot_xmin in order of (xid, id): an id alone skips rows that commit late
  `create table events (
    id bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    kind text not null,
    at timestamptz not null default clock_timestamp(),
    repository_id bigint,
    run_id bigint,
    job_id bigint,
    attempt_id uuid,
    agent_id uuid,
    data jsonb not null default '{}'
  )`,
  `create index events_cursor on events (xid, id)`,
  `create index events_run on events (run_id, xid, id)`,
];
