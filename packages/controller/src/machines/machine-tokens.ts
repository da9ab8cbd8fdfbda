import { randomUUID } from "node:crypto";
import type { Clock } from "@windrow/service";
import { type Database, insertMachineToken, inTransaction, type MachineRow } from "@windrow/store";
import { createTokenSecret } from "../http-api/token-secret.ts";

/** The join tokens of machines that are being made. */
export interface MachineTokens {
  /** For one join of this machine's agent; the same while a try follows another soon. */
  take(machine: Pick<MachineRow, "id" | "name" | "pool">): Promise<string>;
  forget(machineId: string): void;
}

/** A machine of a cloud starts slowly; one that takes longer has failed. */
const TTL_SECONDS = 900;
/** A token that is nearly over is not given out again. */
const REUSED_MS_MAX = 60_000;

export function createMachineTokens(deps: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorityFingerprint: string;
}): MachineTokens {
  const taken = new Map<string, { readonly secret: string; readonly atMs: number }>();
  return {
    async take(machine) {
      const nowMs = deps.clock.monotonicMs();
      // also those of machines that another controller goes on with
      for (const [id, { atMs }] of taken) if (nowMs - atMs >= REUSED_MS_MAX) taken.delete(id);
      const before = taken.get(machine.id);
      if (before !== undefined) return before.secret;
      const { secret, hash, prefix } = createTokenSecret("wrj", deps.authorityFingerprint);
      const token = { id: randomUUID(), machineId: machine.id, machineName: machine.name, pool: machine.pool };
      await inTransaction(deps.db, (tx) => insertMachineToken(tx, { ...token, hash, prefix, ttlSeconds: TTL_SECONDS }));
      taken.set(machine.id, { secret, atMs: nowMs });
      return secret;
    },
    forget: (machineId) => void taken.delete(machineId),
  };
}
