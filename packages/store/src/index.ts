export {
  countRunActions,
  findRunAction,
  hasRunAction,
  listRunActions,
  RUN_ACTIONS_MAX,
  type RunAction,
  recordRunAction,
} from "./actions/run-actions.ts";
export { findRunImage, listRunImages, RUN_IMAGES_MAX, type RunImage, recordRunImage } from "./actions/run-images.ts";
export {
  type AgentIdentity,
  findAgentIdentities,
  findAgentIdentity,
  renewAgentCertificate,
} from "./agents/agent-identity.ts";
export { type AgentView, listAgentViews } from "./agents/agent-view.ts";
export {
  drainAgent,
  leaveAgent,
  loseSilentAgents,
  removeAgent,
  reviveAgents,
  suspectAgent,
  suspectDeafAgent,
  suspectSilentAgents,
} from "./agents/change-agent.ts";
export { disableAgent, enableAgent } from "./agents/disable-agent.ts";
export { type AgentRow, findAgent, listAgents } from "./agents/find-agent.ts";
export { type FencedAgent, findFencedAgents } from "./agents/find-fenced-agents.ts";
export { type FreeAgentRow, findFreeAgents } from "./agents/find-free-agents.ts";
export { findPoolRooms } from "./agents/find-pool-rooms.ts";
export { insertAgent, type NewAgent } from "./agents/insert-agent.ts";
export { listRemovedAgents, type RemovedAgent } from "./agents/list-removed-agents.ts";
export { noteUnfitAgent } from "./agents/note-unfit-agent.ts";
export {
  type AgentSessionFacts,
  lockAgentForSession,
  type NewSession,
  type OpenedSession,
  openSession,
} from "./agents/open-session.ts";
export { recordClash } from "./agents/record-clash.ts";
export { type AttemptEnd, type EndAttemptOptions, endAttempts, type JobAfter } from "./attempts/end-attempt.ts";
export {
  type AttemptForStart,
  findAttempt,
  findLatestAttempt,
  findOpenAttemptByJobToken,
  type OpenAttemptOfToken,
  readAttemptState,
} from "./attempts/find-attempt.ts";
export { findRunOfLease, type RunOfLease } from "./attempts/find-run-of-lease.ts";
export { type LockedAttempt, lockAttempt, lockAttempts } from "./attempts/lock-attempt.ts";
export { readStartFacts, type StartFacts, type StartNeed } from "./attempts/read-start-facts.ts";
export { type AttemptStart, type StartedAttempt, startAttempts } from "./attempts/start-attempts.ts";
export { type AuditFilter, type AuditRow, listAudit } from "./audit/list-audit.ts";
export { type AuditEntry, recordAudit } from "./audit/record-audit.ts";
export { type AgentFacts, readAgentFacts } from "./checks/read-agent-facts.ts";
export { type DatabaseFacts, readDatabaseFacts } from "./checks/read-database-facts.ts";
export {
  changeEntries,
  type EntryChange,
  type EntryToApply,
  findDeadEntryRuns,
  findEntriesToApply,
  findUndecidedGroups,
  type GroupEntry,
  type GroupRef,
  lockGroup,
  type NewEntry,
  type RunEntry,
  readRunEntries,
  releaseEntries,
  requestEntries,
} from "./concurrency/entries.ts";
export { type ControllerIdentity, endPresence, forgetControllers, keepPresence } from "./controllers/keep-presence.ts";
export { type ControllerView, listControllers } from "./controllers/list-controllers.ts";
export { listFarmAddresses } from "./controllers/list-farm-addresses.ts";
export { type Database, type DatabaseOptions, openDatabase, type Tx } from "./database.ts";
export { isDatabaseAway, isUniqueViolation } from "./database-fault.ts";
export { appendEvents, type NewEvent } from "./events/append-events.ts";
export {
  EVENTS_READ_MAX,
  type EventCursor,
  isEventCursor,
  type ReadEventsOptions,
  readEvents,
  readEventsEnd,
  type StoredEvent,
} from "./events/read-events.ts";
export { countOpenJobs } from "./jobs/count-jobs.ts";
export {
  type CandidateRow,
  type CandidateWindow,
  type FindCandidatesOptions,
  findCandidates,
  type RepositoryShareRow,
} from "./jobs/find-candidates.ts";
export { findRunOfJob } from "./jobs/find-job.ts";
export { internLabelSets, labelSetKey, normaliseLabels } from "./jobs/intern-label-set.ts";
export { type CancelTarget, requestJobCancel, requestRunCancel } from "./jobs/request-cancel.ts";
export { extendLeases } from "./leases/extend-leases.ts";
export {
  DUE_MAX,
  type DueAttempt,
  findExpiredLeases,
  findExpiredOffers,
  findOpenOffers,
  findOrphanedAttempts,
  findOverdueAttempts,
  type OpenOffer,
} from "./leases/find-due.ts";
export { type GrantChoice, type GrantedLease, grantLeases } from "./leases/grant-leases.ts";
export { lockParallelGroup } from "./leases/lock-parallel-group.ts";
export { lockRepositoryLimit } from "./leases/lock-repository-limit.ts";
export { readWarmRate, type WarmRate } from "./leases/read-warm-rate.ts";
export {
  type HeldLease,
  type RenewedLease,
  type RenewResult,
  renewLeases,
  type SessionBeat,
} from "./leases/renew-leases.ts";
export {
  findKnownLfsKeys,
  findLfsObjects,
  insertLfsObject,
  type LfsObject,
  sumLfsBytes,
} from "./lfs/lfs-objects.ts";
export { commitSegments, type NewSegment } from "./logs/commit-segments.ts";
export { type LogLease, type OpenLog, readOpenLogs } from "./logs/read-open-logs.ts";
export {
  findKnownBlobKeys,
  isLeaseCurrent,
  type LogSegmentRow,
  type LogStreamRow,
  readSegments,
  readStreams,
  restartStream,
  SEGMENTS_READ_MAX,
} from "./logs/read-streams.ts";
export { adoptMachine, claimMachine } from "./machines/claim-machine.ts";
export { endMachine } from "./machines/end-machine.ts";
export { insertMachineToken } from "./machines/insert-machine-token.ts";
export {
  countMachines,
  listMachines,
  listProvidedPools,
  MACHINES_LISTED_MAX,
  type MachineRow,
  type ProvidedPool,
} from "./machines/list-machines.ts";
export { machineJoined } from "./machines/machine-joined.ts";
export { noteCreated, noteFailed, noteGone, noteProviderError } from "./machines/note-machine.ts";
export { MACHINES_REQUESTED_MAX, requestMachines } from "./machines/request-machines.ts";
export { migrate } from "./migrate.ts";
export { type DeletedPool, deletePool, type PoolHold } from "./pools/delete-pool.ts";
export { type DispatcherTerm, electDispatcher, renewDispatcher, resignDispatcher } from "./pools/elect-dispatcher.ts";
export { holdExpiry, type PoolLossFacts, readLossFacts } from "./pools/hold-expiry.ts";
export {
  deleteLabelAlias,
  LABEL_ALIASES_MAX,
  type LabelAliasRow,
  listLabelAliases,
  setLabelAlias,
} from "./pools/label-aliases.ts";
export { listPopulatedPools } from "./pools/list-populated-pools.ts";
export { listPoolViews, type PoolView } from "./pools/pool-view.ts";
export { type PoolPolicyRow, readPoolPolicies } from "./pools/read-pool-policies.ts";
export { type PoolRow, readPools } from "./pools/read-pools.ts";
export { lockPoolSettings, POOL_SETTINGS_DEFAULT, type PoolSettings, setPool } from "./pools/set-pool.ts";
export { insertPushes, type PushRow, type RefUpdate } from "./pushes/insert-pushes.ts";
export { listOldTryRefs, type OldTryRefs } from "./pushes/list-old-try-refs.ts";
export { findPushSuccessors, listUnsettledPushes, UNSETTLED_PUSHES_MAX } from "./pushes/list-unsettled-pushes.ts";
export { abandonPush, settlePush } from "./pushes/settle-push.ts";
export { countQueued, type QueuedCount } from "./queue/count-queued.ts";
export { findQueueRow, listFirstJobs, listQueue, type QueueFilter, type QueueRow } from "./queue/list-queue.ts";
export { type MovedJob, moveJobToTop } from "./queue/move-to-top.ts";
export { type PoolPause, pausePool } from "./queue/pause-pool.ts";
export { readFleet } from "./queue/read-fleet.ts";
export {
  type JobKind,
  jobKindKey,
  type OpenWork,
  QUEUE_RANKED_MAX,
  type RankedJob,
  readDurations,
  readOpenWork,
  readRankedJobs,
  readShares,
} from "./queue/read-queue-order.ts";
export { readWaitingJobs } from "./queue/read-waiting-jobs.ts";
export { readFarmId } from "./read-farm-id.ts";
export { deleteRepository } from "./repositories/delete-repository.ts";
export { ensureRepository, type NewRepository } from "./repositories/ensure-repository.ts";
export { findRepository, findRepositoryById } from "./repositories/find-repository.ts";
export { listRepositories, REPOSITORIES_LISTED_MAX } from "./repositories/list-repositories.ts";
export { listOwners, OWNERS_LISTED_MAX, type OwnerRow, setOwnerWeight } from "./repositories/owners.ts";
export type { RepositoryRow } from "./repositories/repository.ts";
export { setDefaultBranch } from "./repositories/set-default-branch.ts";
export { type DefaultFacts, setDefaultFacts } from "./repositories/set-default-facts.ts";
export { setRepositoryLimits } from "./repositories/set-limits.ts";
export {
  addRunDiagnostics,
  beginRun,
  concludeRunRow,
  holdJobs,
  type JobToHold,
  type JobToQueue,
  type JobToSettle,
  nameRun,
  queueJobs,
  settleJobs,
} from "./runs/advance-apply.ts";
export {
  type CallToFinish,
  type CallToOpen,
  expandJob,
  finishCalls,
  type JobToExpand,
  openCall,
} from "./runs/advance-calls.ts";
export { type RunProgress, readRunProgress } from "./runs/advance-progress.ts";
export {
  type LockedRun,
  lockRun,
  type RunFacts,
  type RunJob,
  readRunDefinition,
  readRunJobs,
} from "./runs/advance-read.ts";
export {
  type AnnotationView,
  type AttemptView,
  listAttempts,
  type StepView,
  type StreamView,
} from "./runs/attempt-view.ts";
export { findUnadvancedRuns } from "./runs/find-unadvanced.ts";
export { type FollowedRun, findRunsToFollow, takeFollowedRun } from "./runs/followed-runs.ts";
export { hasEventsAfter } from "./runs/has-events-after.ts";
export type { JobsOwner, NewJob } from "./runs/insert-jobs.ts";
export { type InsertedRun, insertRun, type NewRun } from "./runs/insert-run.ts";
export { type JobView, listJobsById, listRunJobs } from "./runs/job-view.ts";
export { openRunAttempt, type RunAttemptJobs } from "./runs/rerun.ts";
export { findRun, listRuns, type RunFilter, type RunView } from "./runs/run-view.ts";
export {
  countPoolAgents,
  POOL_AGENT_STATES,
  type PoolAgentState,
  type PoolAgentsCount,
} from "./scaling/count-pool-agents.ts";
export { listScaleDecisions, type ScaleDecisionRow } from "./scaling/list-decisions.ts";
export { listMachineErrors, type MachineError } from "./scaling/list-machine-errors.ts";
export {
  type BlockedDemandRow,
  type BlockedNeed,
  type Demand,
  type QueuedDemandRow,
  readDemand,
} from "./scaling/read-demand.ts";
export { readPoolDurations } from "./scaling/read-pool-durations.ts";
export { type PoolWaits, readPoolWaits, WAITS_READ_MAX } from "./scaling/read-pool-waits.ts";
export { readScaleAgents, type ScaleAgentRow } from "./scaling/read-scale-agents.ts";
export { readScalePools, type ScalePoolRow } from "./scaling/read-scale-pools.ts";
export { type RecordedHistory, readHistory, TRACE_JOBS_MAX } from "./scaling/read-trace.ts";
export {
  lockTerm,
  recordScaleDecision,
  SCALE_DECISIONS_MAX,
  type ScaleDecisionRecord,
} from "./scaling/record-decision.ts";
export {
  forgetScheduleTicks,
  hasScheduleTick,
  listScheduledRepositories,
  type ScheduleTick,
  takeScheduleTick,
} from "./schedules/schedule-ticks.ts";
export type { RepositorySchedule, Schema } from "./schema.ts";
export { type ReportedAttempt, reportSteps, type StepFacts } from "./steps/report-steps.ts";
export { findJoinToken, type JoinTokenState } from "./tokens/find-join-token.ts";
export { findValidToken } from "./tokens/find-token.ts";
export { insertFirstAdminToken } from "./tokens/insert-first-admin-token.ts";
export { insertToken, type NewToken } from "./tokens/insert-token.ts";
export { listTokens, TOKENS_LISTED_MAX } from "./tokens/list-tokens.ts";
export { revokeToken } from "./tokens/revoke-token.ts";
export type { TokenRow } from "./tokens/token.ts";
export { touchToken, useJoinToken } from "./tokens/use-token.ts";
export { inTransaction } from "./transaction.ts";
export { applyUpgrade, type ChangedDrain, endUpgrade } from "./upgrades/apply-upgrade.ts";
export { keepDrained } from "./upgrades/keep-drained.ts";
export {
  listRunningUpgrades,
  lockUpgrade,
  type RunningUpgrade,
  readUpgradeAgents,
  readUpgradeClock,
} from "./upgrades/lock-upgrade.ts";
export { type NewUpgrade, startUpgrade } from "./upgrades/start-upgrade.ts";
export {
  listUpgradeDrains,
  listUpgradesToSend,
  noteUpgradeProblem,
  type UpgradeDrain,
  type UpgradeToSend,
} from "./upgrades/upgrade-sends.ts";
export { findUpgradeView, type UpgradeView } from "./upgrades/upgrade-view.ts";
export {
  deleteVariable,
  listEffectiveVariables,
  listVariables,
  readVariables,
  setVariable,
  VARIABLES_BYTES_MAX,
  VARIABLES_MAX,
  type VariableLevel,
  type VariableRow,
} from "./variables/keep-variables.ts";
