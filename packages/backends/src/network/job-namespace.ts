import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { hasCode } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";

/** The network namespace of a job, kept by this process: it stays the same one whatever becomes of the process number. */
export interface JobNamespace {
  /** For `nsenter --net=` and `ip … netns`; of this process, as long as it is not closed. */
  readonly path: string;
  /** Idempotent. */
  close(): void;
}

/**
 * The network namespace of a process. Throws `network_failed` when the process is gone, or when it shares the network of
 * this one: nothing that is meant for a job may ever be done to the machine.
 */
export function openJobNamespace(pid: number): JobNamespace {
  const file = openNamespace(pid);
  const own = statSync("/proc/self/ns/net");
  const found = fstatSync(file);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  if (found.ino === own.ino && found.dev === own.dev) {
    close();
    throw new BackendFault("network_failed", `process ${pid} has no network of its own: it uses the machine's`);
  }
  return { path: `/proc/${process.pid}/fd/${file}`, close };
}

function openNamespace(pid: number): number {
  try {
    return openSync(`/proc/${pid}/ns/net`, constants.O_RDONLY);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ESRCH", "EACCES")) throw error;
    throw new BackendFault("network_failed", `process ${pid}, in whose network the job is to be, is gone or not ours`, {
      cause: error,
    });
  }
}
