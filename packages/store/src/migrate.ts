import { type Migration, Migrator } from "kysely/migration";
import type { Database } from "./database.ts";
import * as farm from "./migrations/0001-farm.ts";
import * as language from "./migrations/0002-language.ts";
import * as actions from "./migrations/0003-actions.ts";
import * as matrixOrder from "./migrations/0004-matrix-order.ts";
import * as definitionOrder from "./migrations/0005-definition-order.ts";
import * as fleet from "./migrations/0006-fleet.ts";
import * as join from "./migrations/0007-join.ts";
import * as queue from "./migrations/0008-queue.ts";
import * as waiting from "./migrations/0009-waiting.ts";
import * as pools from "./migrations/0010-pools.ts";
import * as scaling from "./migrations/0011-scaling.ts";
import * as machines from "./migrations/0012-machines.ts";
import * as upgrades from "./migrations/0013-upgrades.ts";
import * as farmId from "./migrations/0014-farm-id.ts";
import * as labelRaces from "./migrations/0015-label-races.ts";
import * as jobPolicy from "./migrations/0016-job-policy.ts";
import * as largeFiles from "./migrations/0017-large-files.ts";
import * as runImages from "./migrations/0018-run-images.ts";
import * as logLimit from "./migrations/0019-log-limit.ts";

const MIGRATIONS: Record<string, Migration> = {
  "0001-farm": farm,
  "0002-language": language,
  "0003-actions": actions,
  "0004-matrix-order": matrixOrder,
  "0005-definition-order": definitionOrder,
  "0006-fleet": fleet,
  "0008-queue": queue,
  "0007-join": join,
  "0010-pools": pools,
  "0009-waiting": waiting,
  "0011-scaling": scaling,
  "0012-machines": machines,
  "0013-upgrades": upgrades,
  "0014-farm-id": farmId,
  "0015-label-races": labelRaces,
  "0016-job-policy": jobPolicy,
  "0017-large-files": largeFiles,
  "0018-run-images": runImages,
  "0019-log-limit": logLimit,
};

/**
 * Brings the schema up to date; safe when several controllers start together, since kysely holds a lock while it
 * migrates. Throws the first migration's error, with the schema as it was before that migration.
 */
export async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
