import type { Check } from "@windrow/contract";
import { type Database, listMachines, type MachineRow } from "@windrow/store";

/** Named in one check. */
const POOLS_MAX = 3;

/** Whether those who make machines for agents do; nothing where no machine is asked for. */
export async function checkMachines(deps: { readonly db: Database }): Promise<Check[]> {
  return judgeMachines(await listMachines(deps.db));
}

export function judgeMachines(machines: readonly Pick<MachineRow, "pool" | "error">[]): Check[] {
  if (machines.length === 0) return [];
  const name = "providers";
  const failing = new Map<string, string>();
  for (const { pool, error } of machines) if (error !== null && !failing.has(pool)) failing.set(pool, error);
  const count = machines.length;
  if (failing.size === 0)
    return [{ name, state: "ok", detail: `${count} ${count === 1 ? "machine" : "machines"}, none in trouble` }];
  const pools = [...failing.keys()];
  const told = pools.slice(0, POOLS_MAX).map((pool) => `pool ${pool}: ${failing.get(pool)}`);
  if (pools.length > POOLS_MAX) told.push(`and ${pools.length - POOLS_MAX} more`);
  const hint = `See all of them: windrow pool view ${pools[0]}; another provider: windrow pool scale ${pools[0]} --provider …`;
  return [{ name, state: "warning", detail: told.join("; "), hint }];
}
