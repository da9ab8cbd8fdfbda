import { randomUUID } from "node:crypto";
import { NO_GRANTS } from "@windrow/model";
import { type DispatcherTerm, electDispatcher, type PoolRow, readPools } from "@windrow/store";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dispatchPool } from "../src/dispatch/dispatch-pool.ts";
import { type Core, startCore } from "./core-kit.ts";

let core: Core;
let term: DispatcherTerm;
let pool: PoolRow;
beforeAll(async () => {
  // no controller: the passes of these tests are the only ones
  core = await startCore({ controllers: 0 });
  const elected = await electDispatcher(core.db, { controllerId: randomUUID(), termId: randomUUID(), ttlMs: 60_000 });
  const found = (await readPools(core.db)).find((one) => one.name === "default");
  if (elected[0] === undefined || found === undefined) throw new Error("no pool");
  term = { ...elected[0], pool: "default" };
  pool = found;
});
afterAll(() => core.stop());

async function addReadyAgent(slots: number): Promise<void> {
  await core.removeAgents();
  const { agentId } = await core.addAgent({ slots });
  await core.db.updateTable("agents").set({ state: "ready" }).where("id", "=", agentId).execute();
}

const pass = () =>
  dispatchPool(
    { db: core.db, isAvoided: () => false },
    { pool, term, hasOtherPools: false, history: NO_GRANTS, atMs: 0 },
  );
const matrix = (count: number, strategy: string) => `
on: push
jobs:
  m:
    runs-on: linux
    strategy: { matrix: { n: [${Array.from({ length: count }, (_, n) => n).join(", ")}] }, ${strategy} }
    steps: [{ run: x }]
`;
const leased = async (runId: number) => (await core.jobs(runId)).filter((job) => job.state === "leased").length;

it("a matrix that may run no more jobs at once does not hide what else its repository has queued", async () => {
  await addReadyAgent(3);
  const limited = await core.insertRun(matrix(50, "max-parallel: 1"));
  const other = await core.insertRun("on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }");
  for (let { isMore } = await pass(); isMore; ) ({ isMore } = await pass());
  expect([await leased(limited), await leased(other)]).toEqual([1, 1]);
  await core.db.updateTable("jobs").set({ cancel_requested_at: new Date() }).where("state", "=", "queued").execute();
});

it("grants all that fits without waiting, however few jobs of a repository one look shows", async () => {
  await addReadyAgent(100);
  const runId = await core.insertRun(matrix(90, "fail-fast: false"));
  let passes = 0;
  for (let isMore = true; isMore && passes < 10; passes++) ({ isMore } = await pass());
  expect(await leased(runId)).toBe(90);
});
