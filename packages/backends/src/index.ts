export { BackendFault, type BackendFaultCode, isBackendFault } from "./backend-fault.ts";
export type {
  ContainerEngine,
  ContainerFacts,
  ContainerMount,
  ContainerSpec,
  ContainersReceipt,
  EngineProgress,
  JobContainer,
  JobContainers,
  JobContainersRequest,
  RegistryCredentials,
  ServiceFacts,
  ServiceSpec,
} from "./docker/container-engine.ts";
export { createDockerBackend, type DockerBackendOptions } from "./docker/docker-backend.ts";
export { createDockerEngine, type DockerEngineOptions } from "./docker/docker-engine.ts";
export { type DockerEngineFacts, findDockerEngine } from "./docker/find-docker-engine.ts";
export { type ContainerDoor, type DoorFacts, doorTarget, prepareDoor } from "./door/container-door.ts";
export { noteContainer, startGuard } from "./door/guard.ts";
export { bootClockMs } from "./host/boot-clock.ts";
export { createHostBackend, type HostBackendOptions } from "./host/host-backend.ts";
export { findJobLimits, type JobLimitFacts } from "./limits/find-job-limits.ts";
export { linkJob, readInsideAddresses, unlinkJob } from "./network/job-link.ts";
export { type JobNamespace, openJobNamespace } from "./network/job-namespace.ts";
export { JOB_SUBNET_DEFAULT, type JobRange, networkOf, readJobRange } from "./network/job-range.ts";
export { ensureForwarding, isWallUp, leaveWall, raiseWall, readBridges } from "./network/job-wall.ts";
export {
  type InsidePlace,
  type InsideSockets,
  type ListenInsideOptions,
  listenAllInside,
  listenInside,
} from "./network/listen-inside.ts";
export { findNameServers, type NameServers } from "./network/name-servers.ts";
export { findNetworkTools, type NetworkTools } from "./network/network-tools.ts";
export type { WallWishes } from "./network/wall-rules.ts";
export { findSandbox, type SandboxFound } from "./sandbox/find-sandbox.ts";
export { createSandboxBackend } from "./sandbox/sandbox-backend.ts";
export type { HostSandbox } from "./sandbox/sandbox-view.ts";
export { createScriptedBackend, type ScriptedBackend, type ScriptedStep } from "./scripted/scripted-backend.ts";
export { prepareSlotUser, releaseSlotUser, type SlotUserOptions } from "./slot-user.ts";
export {
  type CancelReceipt,
  type Containment,
  defaultGrace,
  type GraceSequence,
  type JobHandle,
  type JobReceipt,
  type JobSite,
  noGrace,
  type OpenJobOptions,
  type SiteRemains,
  type SlotUser,
  type StartStepOptions,
  type StepBackend,
  type StepExit,
} from "./step-backend.ts";
export { type SweepSitesOptions, sweepSites, wipeSite } from "./sweep-sites.ts";
export { prepareWorkDir, type WorkDir, type WorkDirOptions, wipeWorkDir } from "./work-dir.ts";
