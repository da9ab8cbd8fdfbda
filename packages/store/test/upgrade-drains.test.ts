import { randomBytes, randomUUID } from "node:crypto";
import { asAgentId } from "@windrow/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  applyUpgrade,
  type Database,
  drainAgent,
  endUpgrade,
  findAgent,
  insertAgent,
  inTransaction,
  keepDrained,
  lockUpgrade,
  startUpgrade,
  type Tx,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";

const POOL = "default";
let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterAll(() => db?.destroy());

async function addAgent(name: string) {
  const id = asAgentId(randomUUID());
  const more = { labels: [], slots: 1, hostname: "test", version: "0.0.1", joinedWith: null };
  const keys = { publicKey: randomBytes(32), natsPublicKey: `U${id}` };
  await insertAgent(db, { id, name, pool: POOL, ...more, ...keys, certificateExpiresAt: new Date() });
  return id;
}

async function withUpgrade<T>(work: (tx: Tx, upgrade: NonNullable<Awaited<ReturnType<typeof lockUpgrade>>>) => T) {
  return inTransaction(db, async (tx) => {
    const upgrade = await lockUpgrade(tx, POOL);
    if (upgrade === undefined) throw new Error("no upgrade is running");
    return work(tx, upgrade);
  });
}

/** What `agent drain` does. */
const drainByHand = (agentId: ReturnType<typeof asAgentId>, reason: string) =>
  inTransaction(db, async (tx) => {
    const isKept = await keepDrained(tx, { agentId, reason });
    return (await drainAgent(tx, { agentId, draining: true, reason })) || isKept;
  });

const drainOf = async (name: string) => {
  const row = await findAgent(db, name);
  return [row?.drainRequested, row?.drainReason];
};

test("an agent that somebody drains while an upgrade drains it stays drained afterwards, with that reason", async () => {
  const [kept, other, aborted] = [await addAgent("kept"), await addAgent("other"), await addAgent("aborted")];
  await inTransaction(db, (tx) => startUpgrade(tx, { pool: POOL, version: "1.0.0", atOnce: 3, requestedBy: "test" }));
  const all = [kept, other, aborted];
  await withUpgrade((tx, upgrade) =>
    applyUpgrade(
      tx,
      upgrade,
      all.map((agentId) => ({ kind: "drain", agentId })),
    ),
  );
  expect(await drainOf("kept")).toEqual([true, "upgrade to 1.0.0"]);
  expect(await drainByHand(kept, "new disk")).toBe(true);
  expect(await drainByHand(kept, "new disk")).toBe(false);
  expect(await drainByHand(aborted, "new memory")).toBe(true);
  expect(await drainOf("kept")).toEqual([true, "new disk"]);
  const done = [kept, other].map((agentId) => ({ kind: "done", agentId }) as const);
  const changed = await withUpgrade((tx, upgrade) => applyUpgrade(tx, upgrade, done));
  expect(changed).toEqual([{ agentId: other, draining: false }]);
  expect(await withUpgrade((tx, upgrade) => endUpgrade(tx, upgrade, { state: "aborted", reason: "" }))).toEqual([]);
  expect(await drainOf("kept")).toEqual([true, "new disk"]);
  expect(await drainOf("aborted")).toEqual([true, "new memory"]);
  expect(await drainOf("other")).toEqual([false, null]);
  // with no upgrade about it, a drain is nothing but that
  expect(await drainByHand(other, "later")).toBe(true);
});
