import type { Database } from "./database.ts";

/** Of this farm, the same for ever. */
export async function readFarmId(db: Database): Promise<string> {
  return (await db.selectFrom("farm").select("id").executeTakeFirstOrThrow()).id;
}
