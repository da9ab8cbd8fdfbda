import { randomBytes, randomUUID } from "node:crypto";
import type { LabelAlias, Owner, Pool, Problem, Repository } from "@windrow/contract";
import { readPools } from "@windrow/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let admin: string;
beforeAll(async () => {
  edge = await startEdge();
  admin = await edge.makeToken({ role: "admin", name: "root" });
});
afterAll(() => edge.stop());

const ask = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  edge.json<T>(method, `/api/v1${path}`, { token: admin, body });

async function refusal(method: string, path: string, body?: unknown): Promise<Problem> {
  const answer = await edge.api(method, `/api/v1${path}`, { token: admin, body });
  expect(answer.ok, `${method} ${path}`).toBe(false);
  return JSON.parse(await answer.text());
}

async function addAgent(pool: string, labels: string[]): Promise<string> {
  const id = randomUUID();
  await edge.db
    .insertInto("agents")
    .values({ id, name: `a-${id}`, pool, state: "ready", labels, nats_public_key: "U", public_key: randomBytes(91) })
    .execute();
  return id;
}

async function labelsOf(id: string): Promise<string[]> {
  const row = await edge.db.selectFrom("agents").select("effective_labels").where("id", "=", id).executeTakeFirst();
  return row?.effective_labels ?? [];
}

describe("pools", () => {
  it("of languages are there from the start", async () => {
    const { items } = await ask<{ items: Pool[] }>("GET", "/pools");
    expect(items.map((pool) => pool.name)).toEqual(["default", "go", "java", "node", "python", "rust"]);
    expect(items.find((pool) => pool.name === "python")).toMatchObject({
      labels: ["python", "linux", "self-hosted"],
      priority: 0,
      weight: 1,
      jobs_max: null,
      scaling: null,
      provider: null,
      suspect_after_ms: 15_000,
      lost_after_ms: 30_000,
    });
  });

  it("are made with what is given, and changed field by field", async () => {
    expect(await refusal("PATCH", "/pools/gpu", { weight: 2 })).toMatchObject({ code: "not_found" });
    const made = await ask<Pool>("PUT", "/pools/gpu", { labels: ["GPU", "linux", "gpu"], description: "big cards" });
    expect(made).toMatchObject({ name: "gpu", labels: ["gpu", "linux"], description: "big cards", weight: 1 });
    const change = {
      weight: 3,
      priority: -5,
      jobs_max: 7,
      slots_per_agent: 2,
      untrusted_allowed: true,
      suspect_after_ms: 20_000,
      lost_after_ms: 60_000,
      scaling: { max: 4, windows: [{ days: [1, 2], from: "08:00", to: "18:00", timezone: "Europe/Berlin", min: 2 }] },
      provider: { kind: "docker", image: "agent", memory_bytes: 512 * 1024 * 1024 },
    };
    const changed = await ask<Pool>("PATCH", "/pools/gpu", change);
    expect(changed).toMatchObject({
      ...change,
      description: "big cards",
      scaling: { min: 0, max: 4, idle_ms: 300_000, target_percent: 95, is_ephemeral: false, windows: [{ min: 2 }] },
      provider: { socket: "unix:///var/run/docker.sock", image: "agent" },
    });
    expect(await ask<Pool>("PATCH", "/pools/gpu", { scaling: { min: 1 }, jobs_max: null })).toMatchObject({
      jobs_max: null,
      scaling: { min: 1, max: 4 },
    });
    const row = (await readPools(edge.db)).find((pool) => pool.name === "gpu");
    expect(row).toMatchObject({
      weight: 3,
      jobsMax: null,
      slots: 2,
      scaling: { min: 1, max: 4, warmMin: 0, windows: [{ from: "08:00", min: 2 }] },
      provider: { kind: "docker", memoryBytes: 512 * 1024 * 1024 },
    });
    const whole = await ask<Pool>("PUT", "/pools/gpu", { labels: ["gpu"] });
    expect(whole).toMatchObject({ description: "", weight: 1, scaling: null, provider: null, lost_after_ms: 30_000 });
  });

  it.each([
    [{ labels: ["a b"] }, "not a label"],
    [{ priority: 5_000 }, "body/priority: must be at most 1000"],
    [{ description: "x".repeat(10_000) }, "body/description: must have at most "],
    [{ labels: ["pool:x"] }, "given by the farm"],
    [{ labels: Array.from({ length: 65 }, (_, no) => `l${no}`) }, "at most 64"],
    [{ weight: 0 }, "at least 1"],
    [{ priority: 1_001 }, "at most 1000"],
    [{ jobs_max: 0 }, "at least 1"],
    [{ suspect_after_ms: 1_000 }, "at least 3000"],
    [{ lost_after_ms: 15_000 }, "must be more than suspect_after_ms (15000)"],
    [{ scaling: { min: 3, max: 2 } }, "min (3) is more than max (2)"],
    [{ scaling: { warm_min: 2 } }, "warm_min (2) is more than max (1)"],
    [{ scaling: { windows: [{ days: [1], from: "8:00", to: "9:00", min: 1 }] } }, "HH:MM"],
    [{ scaling: { windows: [{ days: [1], from: "08:00", to: "09:00" }] } }, "changes min, max or warm_min"],
    [{ scaling: { windows: [{ days: [1], from: "08:00", to: "09:00", timezone: "Mars", min: 1 }] } }, "time zone"],
    [{ scaling: { windows: [{ days: [1], from: "08:00", to: "09:00", min: 5 }] } }, "windows[0]: min (5)"],
    [{ provider: { kind: "cloud" } }, "kind"],
    [{ provider: { kind: "docker" } }, "image"],
    [{ provider: { kind: "command", create: ["mk"], destroy: ["/x"], list: ["/x"] } }, "absolute path"],
    [{ colour: "red" }, "colour"],
  ])("refuse %j, and change nothing", async (body, words) => {
    const before = await ask<Pool>("GET", "/pools/go");
    const problem = await refusal("PATCH", "/pools/go", body);
    expect(problem.code).toBe("invalid");
    expect(problem.detail).toContain(words);
    expect(await ask<Pool>("GET", "/pools/go")).toEqual(before);
  });

  it("keep both of two changes made at a time", async () => {
    await Promise.all([
      ask("PATCH", "/pools/rust", { weight: 9 }),
      ask("PATCH", "/pools/rust", { priority: 9 }),
      ask("PATCH", "/pools/rust", { description: "crabs" }),
    ]);
    expect(await ask<Pool>("GET", "/pools/rust")).toMatchObject({ weight: 9, priority: 9, description: "crabs" });
  });

  it("give their agents their labels, at once", async () => {
    const id = await addAgent("java", ["X64"]);
    expect(await labelsOf(id)).toEqual(expect.arrayContaining(["java", "x64", "ubuntu-latest", "pool:java"]));
    await ask("PATCH", "/pools/java", { labels: ["jvm"] });
    expect(await labelsOf(id)).toEqual(["jvm", "x64", "pool:java"]);
  });

  it("are deleted only when nothing is in them, and their join tokens with them", async () => {
    await ask("PUT", "/pools/old", {});
    const id = await addAgent("old", []);
    const { token } = await ask<{ token: { id: string } }>("POST", "/tokens", { kind: "join", pool: "old" });
    expect(await refusal("DELETE", "/pools/old")).toMatchObject({
      code: "conflict",
      detail: "the pool 'old' cannot be deleted: it has 1 agent",
    });
    await edge.db
      .updateTable("agents")
      .set({ state: "removed", removed_at: new Date() })
      .where("id", "=", id)
      .execute();
    expect(await ask<Pool>("DELETE", "/pools/old")).toMatchObject({ name: "old" });
    expect(await refusal("GET", "/pools/old")).toMatchObject({ code: "not_found" });
    const left = await edge.db.selectFrom("tokens").select("revoked_at").where("id", "=", token.id).executeTakeFirst();
    expect(left?.revoked_at).not.toBeNull();
    await expect(addAgent("old", [])).rejects.toThrow("there is no pool 'old'");
    expect(await refusal("DELETE", "/pools/default")).toMatchObject({ code: "conflict" });
  });

  it("are not for those who may only read, nor for an admin of one owner", async () => {
    const reader = await edge.makeToken({ role: "reader" });
    const bound = await edge.makeToken({ role: "admin", owner: "team" });
    for (const token of [reader, bound]) {
      const body = { weight: 2 };
      expect((await edge.api("PATCH", "/api/v1/pools/go", { token, body })).status).toBe(403);
      expect((await edge.api("PUT", "/api/v1/label-aliases/x", { token, body: { labels: ["y"] } })).status).toBe(403);
      expect((await edge.api("PATCH", "/api/v1/owners/team", { token, body })).status).toBe(403);
      expect((await edge.api("GET", "/api/v1/pools", { token })).status).toBe(200);
    }
  });
});

describe("label aliases", () => {
  it("are gained by agents that have all the labels, and lost with them", async () => {
    const small = await addAgent("default", ["Linux"]);
    const big = await addAgent("default", ["linux", "gpu", "cuda-12"]);
    const made = await ask<LabelAlias>("PUT", "/label-aliases/Big-GPU", { labels: ["GPU", "cuda-12"] });
    expect(made).toMatchObject({ alias: "big-gpu", labels: ["cuda-12", "gpu"], created_by: "root", agents_count: 1 });
    expect([await labelsOf(small), await labelsOf(big)]).toEqual([
      expect.not.arrayContaining(["big-gpu"]),
      expect.arrayContaining(["big-gpu", "ubuntu-latest"]),
    ]);
    const { items } = await ask<{ items: LabelAlias[] }>("GET", "/label-aliases");
    expect(items.map((one) => one.alias)).toEqual(["big-gpu", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-latest"]);
    expect(await ask<LabelAlias>("DELETE", "/label-aliases/big-gpu")).toMatchObject({ alias: "big-gpu" });
    expect(await labelsOf(big)).toEqual(expect.not.arrayContaining(["big-gpu"]));
    expect(await refusal("DELETE", "/label-aliases/big-gpu")).toMatchObject({ code: "not_found" });
  });

  it.each([
    ["/label-aliases/a%20b", { labels: ["x"] }],
    ["/label-aliases/pool:x", { labels: ["x"] }],
    ["/label-aliases/x", { labels: [] }],
    ["/label-aliases/x", { labels: ["x"] }],
    ["/label-aliases/x", { labels: ["pool:y"] }],
    ["/label-aliases/x", { labels: Array.from({ length: 17 }, (_, no) => `l${no}`) }],
  ])("refuse %s %j", async (path, body) => {
    expect(await refusal("PUT", path, body)).toMatchObject({ code: "invalid" });
  });
});

describe("shares and limits", () => {
  it("of repositories and owners are set, and shown", async () => {
    await ask("POST", "/repositories", { owner: "team", name: "app" });
    const changed = await ask<Repository>("PATCH", "/repositories/team/app", { jobs_max: 4, weight: 2 });
    expect(changed).toMatchObject({ jobs_max: 4, weight: 2, default_branch: "main" });
    expect(await ask<Repository>("PATCH", "/repositories/team/app", { jobs_max: null })).toMatchObject({
      jobs_max: null,
      weight: 2,
    });
    expect(await refusal("PATCH", "/repositories/team/app", {})).toMatchObject({ detail: "body/: changes nothing" });
    expect(await refusal("PATCH", "/repositories/team/app", { weight: 1_001 })).toMatchObject({ code: "invalid" });
    expect(await ask<Owner>("PATCH", "/owners/team", { weight: 5 })).toMatchObject({
      name: "team",
      weight: 5,
      repositories_count: 1,
    });
    expect(await refusal("PATCH", "/owners/nobody", { weight: 5 })).toMatchObject({ code: "not_found" });
  });

  it("let an owner's admin share out among its own, but not lift what the farm allows", async () => {
    const token = await edge.makeToken({ role: "admin", owner: "team" });
    const path = "/api/v1/repositories/team/app";
    expect((await edge.api("PATCH", path, { token, body: { weight: 3 } })).status).toBe(200);
    expect((await edge.api("PATCH", path, { token, body: { jobs_max: 3 } })).status).toBe(403);
  });
});
