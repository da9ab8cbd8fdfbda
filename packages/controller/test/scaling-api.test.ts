import type { PoolScaling, PoolSimulation } from "@windrow/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
let token: string;
beforeAll(async () => {
  core = await startCore();
  token = await core.adminToken();
});
afterAll(() => core.stop());

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${core.controllers[0]?.url}/api/v1/pools/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: await response.json() };
}

const scalingOf = async (pool: string) => (await ask("GET", `${pool}/scaling`)).json as PoolScaling;

it("a pool that is scaled shows what it needs, what it has, and why its provider makes nothing", async () => {
  const scaling = { min: 1, max: 3, warm_min: 0, idle_ms: 60_000, target_wait_ms: 10_000 };
  // nobody is this host: the machines are asked for, and stay away
  const provider = { kind: "process", host: "elsewhere" };
  expect((await ask("PATCH", "python", { scaling, provider })).status).toBe(200);
  const shown = await waitFor("a decision", async () => {
    const now = await scalingOf("python");
    return now.decisions.length > 0 ? now : undefined;
  });
  expect(shown).toMatchObject({ desired: 1, bounds: { min: 1, max: 3, warm_min: 0 }, queued_jobs: 0, soon_jobs: 0 });
  expect(shown.decisions.at(-1)).toMatchObject({
    direction: "up",
    code: "min",
    reason: "1 agent more: the minimum is 1",
  });
  expect((await scalingOf("python")).agents.starting).toBe(1);
  expect(shown.waits.day).toEqual({
    ...{ jobs_count: 0, p50_ms: null, p95_ms: null, p99_ms: null },
    within_target_percent: null,
  });
  const entry = await core.db
    .selectFrom("audit_entries")
    .select(["action", "subject"])
    .where("subject", "=", "pool:python")
    .executeTakeFirst();
  expect(entry).toEqual({ action: "pool.set", subject: "pool:python" });
});

it("one that is not shows agents and waits alone", async () => {
  expect(await scalingOf("go")).toMatchObject({ scaling: null, desired: null, queued_jobs: null, decisions: [] });
});

it("decisions are listed page by page", async () => {
  const first = (await ask("GET", "python/decisions?limit=1")).json as { items: { id: number }[]; next_cursor: string };
  expect(first.items).toHaveLength(1);
  const rest = (await ask("GET", `python/decisions?limit=100&cursor=${first.next_cursor}`)).json as typeof first;
  expect(rest.items.every(({ id }) => id < (first.items[0]?.id ?? 0))).toBe(true);
  expect((await ask("GET", "python/decisions?cursor=x")).status).toBe(400);
});

it("a replay of no history is empty, and changes nothing", async () => {
  const { status, json } = await ask("POST", "python/simulate", { scaling: { max: 9 }, since_ms: 3_600_000 });
  const simulation = json as PoolSimulation;
  expect([status, simulation.jobs_count, simulation.is_cut]).toEqual([200, 0, false]);
  expect(simulation.changed.scaling?.max).toBe(9);
  expect(simulation.today?.scaling?.max).toBe(3);
  expect((await scalingOf("python")).scaling?.max).toBe(3);
});

it("what contradicts itself and what is not there is refused", async () => {
  expect((await ask("POST", "python/simulate", { scaling: { min: 9, max: 1 } })).status).toBe(400);
  expect((await ask("POST", "python/simulate", { since_ms: 1 })).status).toBe(400);
  expect((await ask("GET", "nowhere/scaling")).status).toBe(404);
  expect((await ask("POST", "nowhere/simulate", {})).status).toBe(404);
});
