import type {
  AgentState,
  AnnotationLevel,
  AttemptState,
  Conclusion,
  ConcurrencyState,
  Diagnostic,
  JobState,
  MachineState,
  Outcome,
  Permissions,
  Plan,
  PoolJobSettings,
  ProviderKind,
  ProviderSettings,
  Receipt,
  RunState,
  ScaleCode,
  ScaleDirection,
  ScalingPolicy,
  StepState,
  Toolchain,
  Trust,
  UpgradeState,
  UpgradeStepState,
  Value,
  WorkflowDefinition,
} from "@windrow/model";
import type { ColumnType, Generated } from "kysely";

/** Timestamps are read as Date and written as Date or by the database clock. */
type Time = ColumnType<Date, Date | string, Date | string>;
type TimeOrNull = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** jsonb columns are written as JSON text. */
type Json<T> = ColumnType<T, string | undefined, string>;
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>;

export interface OwnersTable {
  name: string;
  weight: Generated<number>;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

/** A `schedule` of a workflow file on the default branch. */
export interface RepositorySchedule {
  readonly path: string;
  readonly cron: string;
  readonly timezone?: string;
}

/** `own` jobs alone, those of its `owner`, or of the whole `farm`. */
export type RepositoryReaders = "own" | "owner" | "farm";

export interface RepositoriesTable {
  id: Generated<number>;
  owner: string;
  name: string;
  default_branch: Generated<string>;
  language: string | null;
  schedules: JsonOrNull<readonly RepositorySchedule[]>;
  has_followers: Generated<boolean>;
  weight: Generated<number>;
  jobs_max: number | null;
  /** Whose jobs may read it. */
  readable_by: Generated<RepositoryReaders>;
  next_run_number: Generated<number>;
  created_by: string;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  deleted_at: TimeOrNull;
}

export interface LfsObjectsTable {
  repository_id: number;
  oid: string;
  length_bytes: number;
  blob_key: string;
  created_by: string;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface TokensTable {
  id: string;
  kind: "user" | "join";
  name: string;
  hash: Buffer;
  prefix: string;
  role: "admin" | "developer" | "reader" | null;
  owner: string | null;
  pool: string | null;
  uses_max: number | null;
  uses_count: Generated<number>;
  expires_at: TimeOrNull;
  created_by: string;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  last_used_at: TimeOrNull;
  revoked_at: TimeOrNull;
  machine_id: string | null;
}

export interface PoolsTable {
  name: string;
  labels: Generated<string[]>;
  priority: Generated<number>;
  weight: Generated<number>;
  untrusted_allowed: Generated<boolean>;
  suspect_after_ms: Generated<number>;
  lost_after_ms: Generated<number>;
  lease_margin_ms: Generated<number>;
  offer_ms: Generated<number>;
  orphan_grace_ms: Generated<number>;
  infra_retries_max: Generated<number>;
  expiry_held_until: TimeOrNull;
  paused_at: TimeOrNull;
  paused_reason: string | null;
  paused_by: string | null;
  description: Generated<string>;
  slots: number | null;
  jobs_max: number | null;
  scaling: JsonOrNull<ScalingPolicy>;
  provider: JsonOrNull<ProviderSettings>;
  job_settings: JsonOrNull<PoolJobSettings>;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  updated_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface PoolLeasesTable {
  pool: string;
  controller_id: string;
  term_id: string;
  elected_at: Time;
  expires_at: Time;
}

export interface ControllersTable {
  id: string;
  hostname: string;
  version: string;
  started_at: ColumnType<Date, Date | string | undefined, Date | string>;
  last_seen_at: ColumnType<Date, Date | string | undefined, Date | string>;
  stopped_at: TimeOrNull;
  addresses: Generated<string[]>;
}

export interface LabelSetsTable {
  id: Generated<number>;
  labels: string[];
}

export interface AgentsTable {
  id: string;
  name: string;
  pool: string;
  state: AgentState;
  labels: Generated<string[]>;
  slots: Generated<number>;
  drain_requested: Generated<boolean>;
  drain_reason: string | null;
  /** Of the version before: agents are known by `public_key` now. */
  credential_hash: Buffer | null;
  public_key: Buffer | null;
  certificate_expires_at: TimeOrNull;
  effective_labels: Generated<string[]>;
  toolchains: Json<readonly Toolchain[]>;
  is_ephemeral: Generated<boolean>;
  is_upgradable: Generated<boolean>;
  unfit_reason: string | null;
  machine_id: string | null;
  disabled_at: TimeOrNull;
  disabled_reason: string | null;
  nats_public_key: string;
  hostname: Generated<string>;
  version: Generated<string>;
  protocol_version: Generated<number>;
  instance_id: string | null;
  session_no: Generated<number>;
  session_controller: string | null;
  joined_with: string | null;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  connected_at: TimeOrNull;
  last_seen_at: TimeOrNull;
  suspect_at: TimeOrNull;
  lost_at: TimeOrNull;
  removed_at: TimeOrNull;
}

export interface AgentClashesTable {
  agent_id: string;
  instance_id: string;
  at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface AgentInstancesTable {
  agent_id: string;
  instance_id: string;
  first_session_no: number;
  superseded_at: TimeOrNull;
  seen_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface PushesTable {
  id: Generated<number>;
  repository_id: number;
  ref: string;
  before_sha: string;
  after_sha: string;
  actor: string;
  options: Generated<string[]>;
  state: "received" | "settled" | "abandoned";
  received_at: ColumnType<Date, Date | string | undefined, Date | string>;
  settled_at: TimeOrNull;
  reason: string | null;
  by_job_id: number | null;
}

export interface RunsTable {
  id: Generated<number>;
  repository_id: number;
  number: number;
  attempt: Generated<number>;
  push_id: number | null;
  scope: Generated<"branch" | "tag" | "try">;
  trust: Generated<Trust>;
  event_name: string;
  event_json: string;
  ref: string;
  sha: string;
  before_sha: string | null;
  title: Generated<string>;
  actor: string;
  workflow_path: string;
  workflow_name: string;
  definition: JsonOrNull<WorkflowDefinition>;
  diagnostics: Json<readonly Diagnostic[]>;
  inputs: Json<{ readonly [name: string]: Value }>;
  triggering_actor: string | null;
  head_ref: Generated<string>;
  base_ref: Generated<string>;
  concurrency_group: string | null;
  cause_run_id: number | null;
  depth: Generated<number>;
  followers_due: Generated<boolean>;
  priority: Generated<number>;
  state: RunState;
  conclusion: Conclusion | null;
  waiting_reason: string | null;
  cancel_requested_at: TimeOrNull;
  cancel_requested_by: string | null;
  cancel_reason: string | null;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  started_at: TimeOrNull;
  finished_at: TimeOrNull;
}

export interface JobsTable {
  id: Generated<number>;
  run_id: number;
  run_attempt: number;
  repository_id: number;
  owner: string;
  kind: Generated<"ordinary" | "call">;
  parent_job_id: number | null;
  inputs: JsonOrNull<{ readonly [name: string]: Value }>;
  key: string;
  name: string;
  matrix: Json<{ readonly [name: string]: Value }>;
  matrix_index: Generated<number>;
  matrix_total: Generated<number>;
  fail_fast: Generated<boolean>;
  max_parallel: number | null;
  label_set_id: number | null;
  preferred_pool: string | null;
  trust: Trust;
  priority: Generated<number>;
  state: JobState;
  outcome: Outcome | null;
  conclusion: Conclusion | null;
  reason: string | null;
  message: string | null;
  continue_on_error: Generated<boolean>;
  exclusive: Generated<boolean>;
  timeout_ms: Generated<number>;
  attempt_count: Generated<number>;
  infra_retries_used: Generated<number>;
  not_before: TimeOrNull;
  held_reason: string | null;
  cancel_requested_at: TimeOrNull;
  cancel_reason: string | null;
  outputs: Json<Record<string, string>>;
  copied_from: number | null;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
  queued_at: TimeOrNull;
  started_at: TimeOrNull;
  finished_at: TimeOrNull;
}

export interface JobNeedsTable {
  job_id: number;
  needs_job_id: number;
}

export interface AttemptsTable {
  id: string;
  job_id: number;
  no: number;
  agent_id: string;
  pool: string;
  lease_id: string;
  fence: Generated<number>;
  session_no: number | null;
  state: AttemptState;
  offer_until: Time;
  lease_until: TimeOrNull;
  plan: JsonOrNull<Plan>;
  job_token_hash: Buffer | null;
  permissions: JsonOrNull<Permissions>;
  outcome: Outcome | null;
  reason: string | null;
  message: string | null;
  outputs: JsonOrNull<Record<string, string>>;
  receipt: JsonOrNull<Receipt>;
  finish_answer: JsonOrNull<Value>;
  log_incomplete: Generated<boolean>;
  offered_at: ColumnType<Date, Date | string | undefined, Date | string>;
  started_at: TimeOrNull;
  finished_at: TimeOrNull;
}

export interface StepsTable {
  attempt_id: string;
  step_no: number;
  name: string;
  state: StepState;
  outcome: Outcome | null;
  conclusion: Conclusion | null;
  exit_code: number | null;
  signal: string | null;
  fault: string | null;
  started_at: TimeOrNull;
  finished_at: TimeOrNull;
}

export interface LogStreamsTable {
  attempt_id: string;
  stream: string;
  length_bytes: Generated<number>;
  line_count: Generated<number>;
  sha256: string | null;
  sealed_at: TimeOrNull;
  restart_count: Generated<number>;
  truncated_at: number | null;
  produced_bytes: number | null;
}

export interface LogSegmentsTable {
  attempt_id: string;
  stream: string;
  start_offset: number;
  length_bytes: number;
  first_line: number;
  line_count: number;
  sha256: string;
  blob_key: string;
  times: Json<readonly (readonly [offset: number, atMs: number])[]>;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface EventsTable {
  id: Generated<number>;
  xid: Generated<string>;
  kind: string;
  at: ColumnType<Date, Date | string | undefined, Date | string>;
  repository_id: number | null;
  run_id: number | null;
  job_id: number | null;
  attempt_id: string | null;
  agent_id: string | null;
  data: Json<{ readonly [name: string]: Value }>;
}

export interface VariablesTable {
  id: Generated<number>;
  owner: string | null;
  repository_id: number | null;
  name: string;
  value: string;
  updated_by: string;
  updated_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface AnnotationsTable {
  attempt_id: string;
  step_no: number;
  no: number;
  level: AnnotationLevel;
  message: string;
  title: string | null;
  file: string | null;
  line: number | null;
  end_line: number | null;
  start_column: number | null;
  end_column: number | null;
}

export interface StepSummariesTable {
  attempt_id: string;
  step_no: number;
  text: string;
}

export interface ConcurrencyEntriesTable {
  id: Generated<number>;
  repository_id: number;
  group_key: string;
  run_id: number;
  job_id: number | null;
  state: Generated<ConcurrencyState>;
  queue: "single" | "max";
  cancel_in_progress: boolean;
  cancel_reason: string | null;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface ScheduleTicksTable {
  repository_id: number;
  workflow_path: string;
  tick_at: Time;
}

export interface LabelAliasesTable {
  alias: string;
  labels: string[];
  created_by: string;
  created_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface MachinesTable {
  id: string;
  pool: string;
  name: string;
  provider: ProviderKind;
  host: string | null;
  settings: JsonOrNull<ProviderSettings>;
  state: MachineState;
  is_ephemeral: Generated<boolean>;
  agent_id: string | null;
  reason: Generated<string>;
  error: string | null;
  try_count: Generated<number>;
  not_before: TimeOrNull;
  requested_at: ColumnType<Date, Date | string | undefined, Date | string>;
  created_at: TimeOrNull;
  joined_at: TimeOrNull;
  ending_at: TimeOrNull;
  ended_at: TimeOrNull;
}

export interface FarmTable {
  is_only: Generated<boolean>;
  id: Generated<string>;
}

export interface AgentRepositoriesTable {
  agent_id: string;
  repository_id: number;
  used_at: ColumnType<Date, Date | string | undefined, Date | string>;
  grants_count: Generated<number>;
  /** The last one that was granted. */
  attempt_id: string | null;
}

export interface AuditEntriesTable {
  id: Generated<number>;
  at: ColumnType<Date, Date | string | undefined, Date | string>;
  actor: string;
  token_id: string | null;
  ip: string | null;
  action: string;
  subject: string;
  before: JsonOrNull<unknown>;
  after: JsonOrNull<unknown>;
}

export interface ScaleDecisionsTable {
  id: Generated<number>;
  pool: string;
  at: ColumnType<Date, Date | string | undefined, Date | string>;
  direction: ScaleDirection;
  code: ScaleCode;
  reason: string;
  desired: number;
  made: number;
  ended: number;
  starting: number;
  idle: number;
  busy: number;
  queued: number;
}

export interface PoolUpgradesTable {
  id: Generated<string>;
  pool: string;
  version: string;
  at_once: number;
  state: Generated<UpgradeState>;
  reason: Generated<string>;
  requested_by: string;
  started_at: Generated<Date>;
  ended_at: Date | null;
}

export interface AgentUpgradesTable {
  upgrade_id: string;
  agent_id: string;
  state: UpgradeStepState;
  from_version: string;
  was_drained: boolean;
  sent_at: Date | null;
  sent_instance_id: string | null;
  problem: string | null;
  started_at: Generated<Date>;
  ended_at: Date | null;
}

/** Every table of the farm; the migrations are the truth, a test compares the column names. */
export interface Schema {
  owners: OwnersTable;
  repositories: RepositoriesTable;
  tokens: TokensTable;
  pools: PoolsTable;
  pool_leases: PoolLeasesTable;
  controllers: ControllersTable;
  label_sets: LabelSetsTable;
  agents: AgentsTable;
  agent_clashes: AgentClashesTable;
  agent_instances: AgentInstancesTable;
  pushes: PushesTable;
  runs: RunsTable;
  jobs: JobsTable;
  job_needs: JobNeedsTable;
  attempts: AttemptsTable;
  steps: StepsTable;
  log_streams: LogStreamsTable;
  log_segments: LogSegmentsTable;
  events: EventsTable;
  variables: VariablesTable;
  annotations: AnnotationsTable;
  step_summaries: StepSummariesTable;
  concurrency_entries: ConcurrencyEntriesTable;
  schedule_ticks: ScheduleTicksTable;
  label_aliases: LabelAliasesTable;
  machines: MachinesTable;
  farm: FarmTable;
  agent_repositories: AgentRepositoriesTable;
  audit_entries: AuditEntriesTable;
  pool_upgrades: PoolUpgradesTable;
  agent_upgrades: AgentUpgradesTable;
  scale_decisions: ScaleDecisionsTable;
  lfs_objects: LfsObjectsTable;
}
