import { createHostBackend } from "../host/host-backend.ts";
import type { StepBackend } from "../step-backend.ts";
import type { HostSandbox } from "./sandbox-view.ts";

/**
 * The host backend for jobs that are put into a sandbox unless they say otherwise: processes of this machine that see little of it, under the same supervisors as those of the host backend, each
 * step behind bubblewrap (`encodeSandboxView` says what it sees). Needs a kernel that lets users make namespaces.
 */
export function createSandboxBackend(sandbox: HostSandbox): StepBackend {
  return createHostBackend({ sandbox, confinement: "sandbox" });
}
