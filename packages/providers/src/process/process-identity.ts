import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hasCode } from "@windrow/service";

/** A process that cannot be mistaken for a later one with the same id, also after the machine was started again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's ticks since boot. */
  readonly startedAt: string;
  readonly bootId: string;
}

/** What stands in the file of a machine that is to have no process any more. */
export const NOBODY: ProcessIdentity = { pid: 0, startedAt: "0", bootId: "-" };

/** Undefined when there is no such file. */
export async function readIdentity(file: string): Promise<ProcessIdentity | undefined> {
  try {
    const found = /^([0-9]+) ([0-9]+) (\S+)\n$/.exec(await readFile(file, "utf8"));
    return found === null ? NOBODY : { pid: Number(found[1]), startedAt: found[2] ?? "", bootId: found[3] ?? "" };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Writes NOBODY where no process has written itself: one that is about to finds the file there, and ends. */
export async function forbidProcess(file: string): Promise<void> {
  const own = `${file}.nobody`;
  await writeFile(own, `${NOBODY.pid} ${NOBODY.startedAt} ${NOBODY.bootId}\n`, { mode: 0o600 });
  try {
    await link(own, file);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  await rm(own, { force: true });
}

/** Whether exactly this process still runs; one that has ended and was not waited for does not. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  if (identity.pid === NOBODY.pid) return false;
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${identity.pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // the fields after the command's name, which may itself hold blanks, begin with the third: the state
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return bootId.trim() === identity.bootId && fields[19] === identity.startedAt && !/^[ZX]/.test(fields[0] ?? "");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}
