import { type Kysely, sql } from "kysely";

/**
 * What the whole workflow language needs: jobs that are other workflows, inputs, concurrency groups, variables,
 * annotations and summaries of steps, what a job's token may do, and triggers that are no push.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // what the default branch's workflow files ask for besides pushes; read again at each push to it
  `alter table repositories
     add column schedules jsonb,
     add column has_followers boolean not null default false`,

  // a push made with a job's token starts no run
  `alter table pushes add column by_job_id bigint`,

  `alter table runs
     add column inputs jsonb not null default '{}',
     add column triggering_actor text,
     add column head_ref text not null default '',
     add column base_ref text not null default '',
     add column concurrency_group text,
     add column cause_run_id bigint references runs (id),
     add column depth integer not null default 0,
     add column followers_due boolean not null default false`,
  `create index runs_followers on runs (id) where followers_due`,

  // concurrency_entries replaces the group key, whose index falls with it
  `alter table jobs
     add column kind text not null default 'ordinary' check (kind in ('ordinary', 'call')),
     add column parent_job_id bigint references jobs (id),
     add column inputs jsonb,
     drop column group_key`,
  // a call runs without labels, since no agent has it
  `alter table jobs
     drop constraint jobs_check3,
     add constraint jobs_labels check (state in ('blocked', 'finished') or label_set_id is not null or kind = 'call')`,

  // what the job's token may do, as its plan says
  `alter table attempts add column permissions jsonb`,

  // of the farm when both are null, of an owner, or of a repository; names are upper case
  `create table variables (
    id bigint generated always as identity primary key,
    owner text references owners (name),
    repository_id bigint references repositories (id),
    name text not null check (name ~ '^[A-Z_][A-Z0-9_]{0,99}$'),
    value text not null,
    updated_by text not null,
    updated_at timestamptz not null default now(),
    check (owner is null or repository_id is null)
  )`,
  `create unique index variables_name on variables (name, coalesce(owner, ''), coalesce(repository_id, 0))`,

  `create table annotations (
    attempt_id uuid not null references attempts (id),
    step_no integer not null,
    no integer not null,
    level text not null check (level in ('notice', 'warning', 'error')),
    message text not null,
    title text,
    file text,
    line integer,
    end_line integer,
    start_column integer,
    end_column integer,
    primary key (attempt_id, step_no, no)
  )`,
  `create table step_summaries (
    attempt_id uuid not null references attempts (id),
    step_no integer not null,
    text text not null,
    primary key (attempt_id, step_no)
  )`,

  // a run (job_id null) or a job that asked for a group, until it is finished
  `create table concurrency_entries (
    id bigint generated always as identity primary key,
    repository_id bigint not null references repositories (id),
    group_key text not null,
    run_id bigint not null references runs (id),
    job_id bigint references jobs (id),
    state text not null default 'requested' check (state in ('requested', 'pending', 'holding', 'replaced')),
    queue text not null check (queue in ('single', 'max')),
    cancel_in_progress boolean not null,
    cancel_reason text,
    created_at timestamptz not null default clock_timestamp()
  )`,
  `create unique index concurrency_entries_holder on concurrency_entries (repository_id, group_key) where state = 'holding'`,
  `create unique index concurrency_entries_run on concurrency_entries (run_id) where job_id is null`,
  `create unique index concurrency_entries_job on concurrency_entries (job_id) where job_id is not null`,
  `create index concurrency_entries_of_run on concurrency_entries (run_id)`,
  `create index concurrency_entries_group on concurrency_entries (repository_id, group_key, id)`,

  // which tick of which schedule has made its run
  `create table schedule_ticks (
    repository_id bigint not null references repositories (id),
    workflow_path text not null,
    tick_at timestamptz not null,
    primary key (repository_id, workflow_path, tick_at)
  )`,
];
