import { randomUUID } from "node:crypto";
import { asAttemptId, asJobId, asLeaseId } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, grantLeases, readPoolWaits } from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows } from "./farm-rows.ts";

let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterAll(() => db.destroy());

it("the warm hit rate of a day counts the grants of that day, those to an agent that knew the repository since before as warm", async () => {
  const farm = createFarmRows(db);
  const agentId = await farm.agent({ slots: 10 });
  const term = await farm.term();
  const grant = async (count: number, repository: string) => {
    for (const job of await farm.queue({ count, repository })) {
      const ids = { attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) };
      expect(await grantLeases(db, term, [{ jobId: asJobId(job), agentId, ...ids }])).toHaveLength(1);
    }
  };
  const warmPercent = async () =>
    (await readPoolWaits(db, { pool: "default", sinceMs: 86_400_000, targetWaitMs: 1_000 })).warmPercent;
  expect(await warmPercent()).toBeNull();
  await grant(2, "app");
  expect(await warmPercent()).toBe(50);
  await sql`update attempts set offered_at = offered_at - interval '2 days'`.execute(db);
  expect(await warmPercent()).toBeNull();
  await grant(1, "app");
  expect(await warmPercent()).toBe(100);
  await grant(1, "other");
  expect(await warmPercent()).toBe(50);
});
