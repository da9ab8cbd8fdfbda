export type { ActionDefinition, ActionInput, CompositeRuns, DockerRuns, JavaScriptRuns } from "./action-definition.ts";
export { assignDemand, type DemandPool, type WantedJob } from "./assign-demand.ts";
export { compareVersions, isOutdated, type VersionSkew } from "./compare-versions.ts";
export { concludeJob, concludeRun, concludeStep, stepOutcomeWord } from "./conclusions.ts";
export { CONTAINER_CAPABILITIES } from "./container-option-table.ts";
export { type ContainerHealth, type ContainerOptions, readContainerOptions } from "./container-options.ts";
export { type ContainerVolume, isBelow, isEngineSocket, readContainerVolume } from "./container-volume.ts";
export { type CancelledJob, decideCancel } from "./decide-cancel.ts";
export {
  type ConcurrencyDecision,
  type ConcurrencyEntry,
  type ConcurrencyNewcomer,
  concurrencyKey,
  decideConcurrency,
  decideRelease,
} from "./decide-concurrency.ts";
export {
  BRAKE_AGENTS_MIN,
  BRAKE_HOLD_MS,
  BRAKE_WINDOW_MS,
  type BrakeDecision,
  type BrakeFacts,
  decideExpiryBrake,
} from "./decide-expiry-brake.ts";
export { decideFailFast, type MatrixSibling } from "./decide-fail-fast.ts";
export {
  AGENT_STOPPING_REASON,
  decideFinish,
  type FinishDecision,
  INFRA_FAULT_REASON,
  isGivenBack,
  isOwnResult,
} from "./decide-finish.ts";
export { decideLost, type LostDecision, type LostFacts } from "./decide-lost.ts";
export {
  decideMachine,
  JOIN_WITHIN_MS,
  type MachineFacts,
  type MachineSeen,
  type MachineStep,
} from "./decide-machine.ts";
export { BETTER_POOL_WAIT_MS, comparePools, createOtherRoom, type OtherRoom } from "./decide-pool.ts";
export { findCapacity } from "./decide-queued-reason.ts";
export { decideRerun, type RerunDecision, type RerunJob, type RerunMode } from "./decide-rerun.ts";
export { decideScale, LOOK_AHEAD_MARGIN_MS } from "./decide-scale.ts";
export {
  canBegin,
  decideUpgrade,
  UPGRADE_BACK_MS_MAX,
  UPGRADE_STATES,
  UPGRADE_STEP_STATES,
  type UpgradeAction,
  type UpgradeAgent,
  type UpgradeDecision,
  type UpgradeFacts,
  type UpgradeState,
  type UpgradeStep,
  type UpgradeStepState,
} from "./decide-upgrade.ts";
export { decideWaitReason, describeRunWait } from "./decide-wait-reason.ts";
export {
  type CallDefinition,
  type CalledWorkflow,
  type CancelStepDefinition,
  type ConcurrencyDefinition,
  type ContainerDefinition,
  type Diagnostic,
  INPUT_TYPES,
  type InputDefinition,
  type InputType,
  type JobDefinition,
  type MatrixCombination,
  type PermissionLevel,
  type Permissions,
  type Position,
  type RunStepDefinition,
  type ServiceDefinition,
  type StepDefinition,
  type Template,
  type TemplateMap,
  type Trigger,
  type UsesStepDefinition,
  type ValueTemplate,
  type WaitStepDefinition,
  type WorkflowDefinition,
} from "./definition.ts";
export {
  createDurationBook,
  type DurationBook,
  type DurationRecord,
  expectLeft,
  percentileOf,
} from "./duration-book.ts";
export { effectivePolicy } from "./effective-policy.ts";
export {
  DURATIONS_MIN,
  type Durations,
  estimateStarts,
  type StartEstimate,
  type StartFacts,
} from "./estimate-start.ts";
export {
  ageGrants,
  GRANT_HALF_LIFE_MS,
  type GrantHistory,
  labelsKey,
  NO_GRANTS,
  type RecordedGrant,
  recordGrants,
  type Usage,
} from "./grant-history.ts";
export {
  type AgentId,
  type AttemptId,
  asAgentId,
  asAttemptId,
  asInstanceId,
  asJobId,
  asLeaseId,
  asRepositoryId,
  asRunId,
  type InstanceId,
  type JobId,
  type LeaseId,
  type LeaseRef,
  type RepositoryId,
  type RunId,
} from "./ids.ts";
export {
  CONFINEMENTS,
  CONTAINER_ALLOWANCES_DEFAULT,
  CONTAINER_ALLOWANCES_MAX,
  type Confinement,
  type ContainerAllowances,
  EGRESS_HOST_CHARS_MAX,
  EGRESS_HOSTS_MAX,
  EGRESS_KINDS,
  type EgressPolicy,
  effectiveJobPolicy,
  HOST_NAMESPACES,
  JOB_LOG_BYTES_DEFAULT,
  JOB_POLICY_DEFAULT,
  type JobLimits,
  type JobPolicy,
  type PoolJobSettings,
  SANDBOX_PROCESSES_MAX_DEFAULT,
  settledJobPolicy,
} from "./job-policy.ts";
export { type JobStatus, jobStatus } from "./job-status.ts";
export { type BlockedJob, lookAhead } from "./look-ahead.ts";
export {
  AGING_EVERY_MS,
  type Match,
  type MatchOptions,
  type MatchPass,
  matchOffers,
  OLDEST_TURN_EVERY,
  TOP_PRIORITY,
} from "./match-offers.ts";
export { nearestWord } from "./nearest-word.ts";
export {
  CANCEL_INTERRUPT_MS,
  CANCEL_TERMINATE_MS,
  JOB_TIMEOUT_MINUTES_DEFAULT,
  type NeedResult,
  type Plan,
  type WorkflowSource,
} from "./plan.ts";
export {
  PROVIDER_KINDS,
  type ProviderKind,
  type ProviderSettings,
  SCALING_POLICY_DEFAULT,
  type ScalingPolicy,
  type ScheduleWindow,
  type Toolchain,
} from "./pool.ts";
export {
  type Candidate,
  type FreeAgent,
  type PoolRank,
  type PoolRoom,
  plainShare,
  type RepositoryShare,
} from "./queue-facts.ts";
export { rankQueue } from "./rank-queue.ts";
export {
  comingBackMs,
  ownReconnectWindowMs,
  RECONNECT_WITHIN_MS,
  reconnectWindowMs,
} from "./reconnect-window.ts";
export { REFUSAL_CODES, Refusal, type RefusalCode } from "./refusal.ts";
export {
  ANNOTATION_LEVELS,
  ANNOTATION_MESSAGE_CHARS_MAX,
  ANNOTATIONS_PER_LEVEL_MAX,
  type Annotation,
  type AnnotationLevel,
  type FinishReport,
  type Receipt,
  STEP_SUMMARY_BYTES_MAX,
  type StepReport,
  type StreamName,
  type StreamSeal,
} from "./reports.ts";
export {
  type DemandedJob,
  SCALE_CODES,
  SCALE_JOBS_MAX,
  type ScaleCode,
  type ScaleDecision,
  type ScaleDirection,
  type ScaledAgent,
  type ScaledAgentState,
  type ScaleFacts,
} from "./scale-facts.ts";
export { createSimulation, type Simulation, type SimulationOptions, type SimulationResult } from "./simulate-pool.ts";
export {
  AGENT_STATES,
  type AgentState,
  ATTEMPT_STATES,
  type AttemptState,
  CONCLUSIONS,
  CONCURRENCY_STATES,
  type Conclusion,
  type ConcurrencyState,
  isAgentConnected,
  isAttemptOpen,
  isJobFinished,
  isRunFinished,
  JOB_STATES,
  type JobState,
  MACHINE_STATES,
  type MachineState,
  OUTCOMES,
  type Outcome,
  RUN_STATES,
  type RunState,
  STEP_STATES,
  type StepState,
  TRUSTS,
  type Trust,
} from "./states.ts";
export type { TraceJob } from "./trace-job.ts";
export {
  AGENT_TRANSITIONS,
  ATTEMPT_TRANSITIONS,
  type AttemptTransition,
  JOB_TRANSITIONS,
  type JobTransition,
  MACHINE_TRANSITIONS,
  type MachineTransition,
  RUN_TRANSITIONS,
  type Transition,
} from "./transitions.ts";
export type { Value } from "./value.ts";
export type { AgentGroup, Fleet, FleetPool, PoolScaling, WaitingJob } from "./wait-facts.ts";
export { WAIT_CODES, type WaitCode, type WaitReason } from "./wait-reason.ts";
export { summariseWaits, type WaitSummary } from "./wait-summary.ts";
export { formatWait } from "./wait-words.ts";
