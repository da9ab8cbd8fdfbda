import { randomUUID } from "node:crypto";
import { type AgentId, type AttemptId, asAttemptId, asJobId, asLeaseId, type LeaseId } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, extendLeases, grantLeases, inTransaction, renewLeases } from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows } from "./farm-rows.ts";

let db: Database;
let held: { attemptId: AttemptId; leaseId: LeaseId; agentId: AgentId; sessionNo: number }[] = [];

beforeAll(async () => {
  db = await createMigratedDatabase();
  const farm = createFarmRows(db);
  const agents = [await farm.agent(), await farm.agent()];
  const jobs = await farm.queue({ count: 2 });
  const choices = jobs.flatMap((jobId, index) => {
    const agentId = agents[index];
    if (agentId === undefined) return [];
    // the later row has the lower id, so that rows do not lie in the order of the ids
    const attemptId = asAttemptId(`${9 - index}${randomUUID().slice(1)}`);
    return [{ jobId: asJobId(jobId), agentId, attemptId, leaseId: asLeaseId(randomUUID()) }];
  });
  await grantLeases(db, await farm.term(), choices);
  await sql`
    update attempts set state = 'running', session_no = 1, started_at = clock_timestamp(),
      lease_until = clock_timestamp() + interval '1 minute'`.execute(db);
  // as a batch may list them: against the order of the ids
  held = choices
    .map(({ jobId: _, ...choice }) => ({ ...choice, sessionNo: 1 }))
    .sort((a, b) => (a.attemptId < b.attemptId ? 1 : -1));
});
afterAll(() => db.destroy());

/** Whether `work`, which waits for the first attempt's row, already holds the second one's. */
async function holdsSecondWhileItWaitsForFirst(work: () => Promise<unknown>): Promise<boolean> {
  let working: Promise<unknown> = Promise.resolve();
  const answer = await inTransaction(db, async (tx) => {
    await sql`select from attempts where id = ${held[1]?.attemptId} for update`.execute(tx);
    working = work();
    await expect
      .poll(async () => {
        const { rows } =
          await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(
            db,
          );
        return rows.length;
      })
      .toBe(1);
    const { rows } = await sql`
      select from attempts where id = ${held[0]?.attemptId} for update skip locked`.execute(tx);
    return rows.length === 0;
  });
  await working;
  return answer;
}

it("renewing many leases locks them in the order of their ids, in whatever order they are listed", async () => {
  const beats = held.map(({ agentId, sessionNo }) => ({ agentId, sessionNo }));
  expect(await holdsSecondWhileItWaitsForFirst(() => renewLeases(db, beats, held))).toBe(false);
  const { leases, currentAgentIds } = await renewLeases(db, beats, held);
  expect(leases.map((lease) => lease.kind)).toEqual(["renewed", "renewed"]);
  expect(currentAgentIds.toSorted()).toEqual(held.map((lease) => lease.agentId).toSorted());
});

it("extending all leases locks them in the order of their ids", async () => {
  expect(await holdsSecondWhileItWaitsForFirst(() => inTransaction(db, extendLeases))).toBe(false);
});
