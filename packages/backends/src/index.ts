export { BackendFault, type BackendFaultCode, isBackendFault } from "./backend-fault.ts";
export { bootClockMs } from "./host/boot-clock.ts";
export { createHostBackend, type HostBackendOptions } from "./host/host-backend.ts";
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
