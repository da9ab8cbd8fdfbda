export {
  type Agent,
  agentNameSchema,
  type Join,
  type JoinAnswer,
  joinSchema,
  LABELS_MAX,
  type Renew,
  type RenewAnswer,
} from "./agents.ts";
export type { AuditEntryJson } from "./audit.ts";
export type { Check, Farm, Whoami } from "./farm.ts";
export { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, NAME_PATTERN } from "./fields.ts";
export {
  type FarmEvent,
  FOLLOW_MESSAGES,
  type FollowMessage,
  type FollowMessageName,
  type LogChunk,
} from "./follow.ts";
export {
  type ChangeJobSettings,
  changeJobSettings,
  changeJobSettingsSchema,
  encodeJobPolicy,
  type JobPolicyJson,
  jobPolicySchema,
} from "./job-settings.ts";
export type { Annotation, Attempt, Job, JobSummary, Step } from "./jobs.ts";
export type { LogStream } from "./logs.ts";
export { PERMISSIONS, type Permission, ROLE_PERMISSIONS, ROLES, type Role } from "./permissions.ts";
export {
  ALIAS_LABELS_MAX,
  type ChangePool,
  JOBS_MAX_MAX,
  type LabelAlias,
  type Pool,
  PRIORITY_MAX,
  WEIGHT_MAX,
} from "./pools.ts";
export { PROBLEM_CODES, type Problem, type ProblemCode, problemSchema } from "./problem.ts";
export {
  decodeProviderSettings,
  encodeProviderSettings,
  type ProviderSettingsJson,
  providerSettingsSchema,
} from "./provider-settings.ts";
export type { QueueEntry } from "./queue.ts";
export { type Owner, type Repository, readableBySchema } from "./repositories.ts";
export type {
  RouteAnswer,
  RouteBody,
  RouteBodyIn,
  RouteDefinition,
  RouteKind,
  RouteParams,
  RouteParamsIn,
  RouteQuery,
  RouteQueryIn,
} from "./route.ts";
export { ROUTES, type RouteName } from "./routes.ts";
export { FOLLOW_HAVE_MAX, type Run, type RunSummary } from "./runs.ts";
export type { PoolScaling, PoolSimulation, ScaleDecisionJson, SimulatedJson, WaitsJson } from "./scaling.ts";
export {
  type ChangeScalingPolicy,
  changeScalingPolicy,
  changeScalingPolicySchema,
  encodeScalingPolicy,
  findPolicyConflict,
  POOL_AGENTS_MAX,
  type ScalingPolicyJson,
  scalingPolicySchema,
} from "./scaling-policy.ts";
export { JOIN_TTL_SECONDS_MAX, type Token } from "./tokens.ts";
export { type Install, UPGRADES_AT_ONCE_MAX, type Upgrade } from "./upgrades.ts";
export { VARIABLE_VALUE_BYTES_MAX, type Variable } from "./variables.ts";
