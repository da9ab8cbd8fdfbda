import { spawn } from "node:child_process";
import { once } from "node:events";
import { BackendFault } from "./backend-fault.ts";

/** How long another agent of this machine may hold the lock. */
const lockWaitSeconds = 30;

/**
 * Runs `work` while no other process of this machine holds the lock file. The lock is the kernel's: it is free again when
 * its holder dies, however it dies. Throws `slot_user_failed` when it cannot be had.
 */
export async function withMachineLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const script = "echo locked && exec cat >/dev/null";
  const holder = spawn("flock", ["-w", String(lockWaitSeconds), path, "/bin/sh", "-c", script], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(holder, "close");
  const isLocked = await new Promise<boolean>((resolve) => {
    holder.once("error", () => resolve(false));
    holder.stdout.once("data", () => resolve(true));
    holder.stdout.once("close", () => resolve(false));
  });
  if (!isLocked) {
    await ended.catch(() => undefined);
    throw new BackendFault("slot_user_failed", `${path} stays locked, or flock (util-linux) is not installed`);
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
