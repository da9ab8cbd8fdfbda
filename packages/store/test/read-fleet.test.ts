import { randomUUID } from "node:crypto";
import { asAttemptId, asJobId, asLeaseId } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Database, findFreeAgents, grantLeases, readFleet, readOpenWork } from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows, type FarmRows } from "./farm-rows.ts";

let db: Database;
let farm: FarmRows;
beforeAll(async () => {
  db = await createMigratedDatabase();
  farm = createFarmRows(db);
});
beforeEach(async () => {
  await sql`truncate jobs, attempts, pool_leases, agents, agent_instances cascade`.execute(db);
});
afterAll(() => db.destroy());

/** An agent to which a job was granted, which is all that is in the farm. */
async function grantOne(slots: number) {
  const agentId = await farm.agent({ slots });
  const [job = 0] = await farm.queue();
  const choice = { agentId, attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) };
  return {
    agentId,
    grant: async () => {
      const granted = await grantLeases(db, await farm.term(), [{ jobId: asJobId(job), ...choice }]);
      expect(granted).toHaveLength(1);
    },
  };
}

async function slotsTold() {
  const { agentGroups } = await readFleet(db);
  const [group] = agentGroups;
  return { slots: group?.slots, freeSlots: group?.freeSlots };
}

it("an agent for one job has one slot, which is free again when it declined, as the dispatcher sees it, and is not when it had its job", async () => {
  const { agentId, grant } = await grantOne(4);
  await sql`update agents set is_ephemeral = true where id = ${agentId}`.execute(db);
  expect(await slotsTold()).toEqual({ slots: 1, freeSlots: 1 });
  await grant();
  expect(await slotsTold()).toEqual({ slots: 1, freeSlots: 0 });
  await sql`update attempts set state = 'declined', finished_at = clock_timestamp()`.execute(db);
  expect(await findFreeAgents(db, "default")).toMatchObject([{ agentId, freeSlots: 1 }]);
  expect(await slotsTold()).toEqual({ slots: 1, freeSlots: 1 });
  await sql`update attempts set state = 'lost', started_at = offered_at`.execute(db);
  expect(await findFreeAgents(db, "default")).toEqual([]);
  expect(await slotsTold()).toEqual({ slots: 1, freeSlots: 0 });
});

it("a slot of an agent that drains is none that a waiting job gets when its job ends", async () => {
  const { agentId, grant } = await grantOne(1);
  await grant();
  expect(await readOpenWork(db)).toHaveLength(1);
  await sql`update agents set drain_requested = true, state = 'draining' where id = ${agentId}`.execute(db);
  expect(await readOpenWork(db)).toEqual([]);
});
