export { BackendFault, type BackendFaultCode, isBackendFault } from "./backend-fault.ts";
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
