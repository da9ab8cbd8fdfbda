import type { MachineStep } from "@windrow/model";
import type { Logger } from "@windrow/service";
import {
  adoptMachine,
  type Database,
  endMachine,
  inTransaction,
  listControllers,
  type MachineRow,
  noteGone,
  noteProviderError,
} from "@windrow/store";
import type { Look } from "./look-around.ts";
import { keyOf } from "./provider-book.ts";

const RETRY_MS = 15_000;

/**
 * Machines on hosts where no controller is. One that a look finds here is taken over: its engine is this host's, which had
 * another name. Of the others the pool's dispatcher says what keeps them from being made or ended, and decides that they go
 * when their agents will not come, so that nobody waits for them. One that was to be made and is not wanted there any more
 * is over: should its host have made it all the same, it ends what no row waits for.
 */
export async function keepAwayMachines(options: {
  readonly db: Database;
  readonly logger: Logger;
  readonly hostname: string;
  readonly rows: readonly MachineRow[];
  readonly looks: readonly Look[];
  readonly isDispatched: (pool: string) => boolean;
  /** What would be done about the machine by whoever is on its host. */
  readonly decide: (machine: MachineRow) => MachineStep;
}): Promise<void> {
  const { db, logger, hostname, looks } = options;
  const isSeenHere = ({ name, settings }: MachineRow) =>
    settings !== null && looks.some((look) => look.key === keyOf(settings) && look.listed.has(name));
  const found = options.rows.flatMap((row) => {
    if (row.host === null || row.host === hostname) return [];
    const step = options.decide(row);
    const isSeen = isSeenHere(row);
    const isStuck = step.kind !== "none" && options.isDispatched(row.pool);
    return isSeen || isStuck ? [{ row, host: row.host, step, isSeen }] : [];
  });
  if (found.length === 0) return;
  const controllers = await listControllers(db);
  const there = new Set(controllers.filter((one) => one.answering).map((one) => one.hostname));
  for (const { row, host, step, isSeen } of found) {
    if (there.has(host)) continue;
    const { id: machineId, name: machine, pool } = row;
    if (isSeen) {
      if (await adoptMachine(db, { machineId, from: host, to: hostname })) {
        logger.info({ machine, pool, from: host }, "a machine is found on this host");
      }
    } else if (row.state === "ending" || !("reason" in step)) {
      const error = `no controller runs on ${host}, where this machine is`;
      await noteProviderError(db, { machineId, error, delayMs: RETRY_MS });
    } else if (row.state === "creating") {
      await noteGone(db, { machineId, reason: step.reason });
    } else {
      await inTransaction(db, (tx) => endMachine(tx, { machineId, reason: step.reason }));
    }
  }
}
