import { createDurationBook, type DurationBook } from "@windrow/model";
import { type Database, readDemand, readPoolDurations, readScaleAgents, readScalePools } from "@windrow/store";
import type { FarmLook } from "./gather-facts.ts";

/** The farm as decisions about the size of pools see it, read now. */
export async function readFarmLook(db: Database, nowMs: number): Promise<FarmLook> {
  const pools = await readScalePools(db);
  const scaled = pools.filter((pool) => pool.scaling !== null).map((pool) => pool.name);
  const [agents, demand, book] = await Promise.all([readScaleAgents(db, scaled), readDemand(db), readDurationBook(db)]);
  return { nowMs, pools, agents, demand, book };
}

export async function readDurationBook(db: Database): Promise<DurationBook> {
  return createDurationBook(await readPoolDurations(db));
}
