import { isProcessAlive } from "./process-facts.ts";

const LOOK_EVERY_MS = 250;

/** Resolves when the process has ended. The watch itself keeps nobody alive who has nothing else to do. */
export async function watchEnd(pid: number): Promise<void> {
  while (isProcessAlive(pid)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
  }
}
