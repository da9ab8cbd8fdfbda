export type BackendFaultCode =
  | "supervisor_gone"
  | "supervisor_failed"
  | "site_exists"
  | "site_invalid"
  | "spool_failed"
  | "step_running"
  | "step_unknown"
  | "step_invalid"
  | "slot_user_failed"
  | "work_dir_invalid"
  | "network_failed"
  | "engine_failed"
  | "image_missing"
  | "container_refused"
  | "container_gone"
  | "service_failed";

/** Thrown when running a step failed for a reason outside the step itself. */
export class BackendFault extends Error {
  readonly code: BackendFaultCode;

  constructor(code: BackendFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BackendFault";
    this.code = code;
  }
}

export function isBackendFault(error: unknown, code?: BackendFaultCode): error is BackendFault {
  return error instanceof BackendFault && (code === undefined || error.code === code);
}
