import type { Agent, Attempt, Job, Run, RunSummary, Step, Token } from "@windrow/contract";

/** Complete shapes of the API, to be changed where a test says so. */
export const T0 = "2030-01-01T00:00:00.000Z";
export const T0_MS = Date.parse(T0);

export function at(seconds: number): string {
  return new Date(T0_MS + seconds * 1000).toISOString();
}

export function sampleRun(change: Partial<RunSummary> = {}): RunSummary {
  return {
    id: 12,
    number: 3,
    attempt: 1,
    repository: "me/app",
    workflow_path: ".windrow/workflows/ci.yml",
    workflow_name: "CI",
    title: "Fix the door",
    event: "push",
    ref: "refs/heads/main",
    branch: "main",
    sha: "3f2a1bc0d4e5f60718293a4b5c6d7e8f90a1b2c3",
    actor: "alice",
    scope: "branch",
    trust: "trusted",
    state: "running",
    has_started: true,
    conclusion: null,
    waiting_reason: null,
    cancel_requested_at: null,
    cancel_requested_by: null,
    cancel_reason: null,
    diagnostics_count: 0,
    created_at: T0,
    started_at: T0,
    finished_at: null,
    url: "http://farm/runs/12",
    ...change,
  };
}

export function sampleWholeRun(jobs: readonly Job[], change: Partial<Run> = {}): Run {
  return { ...sampleRun(change), diagnostics: [], inputs: {}, actions: [], images: [], jobs: [...jobs], ...change };
}

export function sampleJob(change: Partial<Job> = {}): Job {
  return {
    id: 100,
    run_id: 12,
    run_attempt: 1,
    kind: "ordinary",
    parent_job_id: null,
    key: "build",
    name: "build",
    matrix: {},
    labels: ["linux"],
    needs: [],
    state: "queued",
    outcome: null,
    conclusion: null,
    reason: null,
    message: null,
    waiting_for: null,
    waiting_code: null,
    attempt_count: 0,
    pool: "default",
    agent: null,
    cancel_requested_at: null,
    created_at: T0,
    queued_at: T0,
    started_at: null,
    finished_at: null,
    url: "http://farm/jobs/100",
    repository: "me/app",
    outputs: {},
    timeout_ms: 21_600_000,
    attempts: [],
    ...change,
  };
}

export function sampleAttempt(change: Partial<Attempt> = {}): Attempt {
  return {
    id: "11111111-1111-4111-8111-111111111111",
    no: 1,
    agent_id: "a",
    agent: "agent-1",
    pool: "default",
    state: "running",
    outcome: null,
    reason: null,
    message: null,
    offered_at: T0,
    started_at: T0,
    finished_at: null,
    receipt: null,
    log_incomplete: false,
    steps: [],
    streams: [],
    ...change,
  };
}

export function sampleStep(change: Partial<Step> = {}): Step {
  return {
    no: 0,
    name: "npm test",
    state: "running",
    outcome: null,
    conclusion: null,
    exit_code: null,
    signal: null,
    fault: null,
    annotations: [],
    summary: null,
    started_at: T0,
    finished_at: null,
    ...change,
  };
}

export function sampleAgent(change: Partial<Agent> = {}): Agent {
  return {
    id: "22222222-2222-4222-8222-222222222222",
    name: "agent-1",
    pool: "default",
    state: "ready",
    labels: ["linux", "node"],
    effective_labels: ["linux", "node", "pool:default", "ubuntu-latest"],
    toolchains: [],
    slots: 2,
    slots_used: 0,
    drain_reason: null,
    hostname: "box",
    version: "0.1.0",
    target_version: "0.1.0",
    is_outdated: false,
    is_upgradable: false,
    protocol_version: 1,
    created_at: T0,
    connected_at: T0,
    last_seen_at: T0,
    removed_at: null,
    certificate_expires_at: "2999-01-01T00:00:00.000Z",
    disabled_at: null,
    disabled_reason: null,
    unfit_reason: null,
    stopped_at: null,
    jobs: [],
    ...change,
  };
}

export function sampleToken(change: Partial<Token> = {}): Token {
  return {
    id: "33333333-3333-4333-8333-333333333333",
    kind: "user",
    name: "alice",
    prefix: "wru_abcd",
    role: "developer",
    owner: null,
    pool: null,
    uses_max: null,
    uses_count: 0,
    expires_at: null,
    created_by: "admin",
    created_at: T0,
    last_used_at: null,
    revoked_at: null,
    ...change,
  };
}
