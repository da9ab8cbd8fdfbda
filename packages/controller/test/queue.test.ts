import { randomUUID } from "node:crypto";
import type { Pool, QueueEntry } from "@windrow/contract";
import { SCALING_POLICY_DEFAULT, type ScalingPolicy, WAIT_CODES, type WaitCode } from "@windrow/model";
import { insertToken } from "@windrow/store";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTokenSecret } from "../src/http-api/token-secret.ts";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

/** What nobody may wait for longer: the reason of a job that cannot run, and its start once it can. */
const F33_MS_MAX = 2_000;
/** For what this machine does beside: a busy one takes longer for everything. */
const STEP_MS_MAX = 10_000;

let core: Core;
let admin: string;
const seen = new Set<WaitCode>();

beforeAll(async () => {
  core = await startCore();
  admin = await core.adminToken();
});
afterAll(() => core.stop());
afterEach(async () => {
  const open = await core.db.selectFrom("runs").select("id").where("state", "<>", "finished").execute();
  await setPool({ paused_at: null, jobs_max: null, scaling: null, provider: null, labels: [] });
  await core.db
    .updateTable("machines")
    .set({ state: "ended", ended_at: new Date() })
    .where("ended_at", "is", null)
    .execute();
  await setRepository({ jobs_max: null });
  for (const run of open) await call("POST", `/api/v1/runs/${run.id}/cancel`, { body: {} });
  await core.removeAgents();
});

async function call(
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly token?: string } = {},
): Promise<Response> {
  return fetch(`${core.controllers[0]?.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${options.token ?? admin}`,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
}

async function json<T>(method: string, path: string, options: Parameters<typeof call>[2] = {}): Promise<T> {
  const answer = await call(method, path, options);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  const found: T = JSON.parse(text);
  return found;
}

const why = (jobId: number): Promise<QueueEntry> => json("GET", `/api/v1/jobs/${jobId}/why`);

/** Waits until the job's reason is this. */
async function becomes(jobId: number, code: WaitCode, withinMs = STEP_MS_MAX): Promise<QueueEntry> {
  let last: QueueEntry | undefined;
  try {
    return await waitFor(
      `job ${jobId} to wait for ${code}`,
      async () => {
        last = await why(jobId);
        if (last.reason?.code !== code) return undefined;
        seen.add(code);
        return last;
      },
      { withinMs },
    );
  } catch (error) {
    throw new Error(`it says ${JSON.stringify(last?.reason)} in state ${last?.state}`, { cause: error });
  }
}

interface PoolChange {
  readonly paused_at?: Date | null;
  readonly jobs_max?: number | null;
  readonly labels?: string[];
  readonly scaling?: string | null;
  readonly provider?: string | null;
}
const setPool = (change: PoolChange) =>
  core.db.updateTable("pools").set(change).where("name", "=", "default").execute();
const setScaling = (policy: Partial<ScalingPolicy>) =>
  setPool({
    labels: ["linux"],
    scaling: JSON.stringify({ ...SCALING_POLICY_DEFAULT, ...policy }),
    provider: JSON.stringify({ kind: "process", host: "elsewhere" }),
  });
const setRepository = (change: { readonly jobs_max: number | null }) =>
  core.db.updateTable("repositories").set(change).execute();
const setJob = (
  jobId: number,
  change: {
    readonly not_before?: Date;
    readonly attempt_count?: number;
    readonly held_reason?: string | null;
    readonly queued_at?: Date;
    readonly created_at?: Date;
  },
) => core.db.updateTable("jobs").set(change).where("id", "=", jobId).execute();
const fromNow = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

const workflow = (jobs: string) => `on: push\njobs:\n${jobs}`;
const job = (key: string, more = "") => `  ${key}:\n    runs-on: linux\n${more}    steps: [{ run: "true" }]\n`;
const start = async (jobs: string): Promise<number[]> => {
  const runId = await core.insertRun(workflow(jobs));
  return (await core.jobs(runId)).map((one) => one.id);
};
const startOne = async (jobs = job("test")): Promise<number> => (await start(jobs))[0] ?? 0;

async function makeToken(role: "reader" | "developer" | "admin", owner?: string): Promise<string> {
  const { secret, hash, prefix } = createTokenSecret("wru");
  await insertToken(core.db, {
    ...{ id: randomUUID(), kind: "user", name: `${role}-${owner ?? "all"}`, role, hash, prefix, createdBy: "test" },
    ...(owner === undefined ? {} : { owner }),
  });
  return secret;
}

describe("the reason of one job on its way to an agent", () => {
  it("is at every moment what really keeps it", async () => {
    const jobId = await startOne();
    const never = await becomes(jobId, "no_capacity_ever");
    expect(never.reason).toMatchObject({
      is_stuck: true,
      sentence: "no agent has the label linux: the farm has no agent yet",
      unblock: "join an agent with it, or change runs-on of job 'test' in .windrow/workflows/ci.yml",
    });
    expect(never).toMatchObject({
      position: null,
      estimated_start: null,
      no_estimate: "it starts only when somebody acts",
    });

    await setScaling({ max: 0 });
    expect((await becomes(jobId, "no_agent_matches")).reason).toMatchObject({
      is_stuck: true,
      sentence: expect.stringContaining("the pool default is scaled to 0"),
    });
    await core.db
      .insertInto("machines")
      .values({
        id: randomUUID(),
        pool: "default",
        name: "m-1",
        provider: "process",
        host: "elsewhere",
        state: "creating",
      })
      .execute();
    await setScaling({ max: 1 });
    expect((await becomes(jobId, "scaling_up")).reason?.sentence).toMatch(
      /^1 agent is being made for pool default, since \d+ s$/,
    );
    await core.db
      .updateTable("machines")
      .set({ error: "no space left", not_before: fromNow(3_600) })
      .execute();
    expect((await becomes(jobId, "provider_failed")).reason?.sentence).toMatch(
      /no agent could be made for the pool default: no space left; tried again in 60 min/,
    );

    // given up for good, it is still the provider that fails until a machine comes
    await core.db
      .updateTable("machines")
      .set({ state: "failed", error: "gone wrong", ended_at: fromNow(-1) })
      .execute();
    expect((await becomes(jobId, "provider_failed")).reason?.sentence).toContain("gone wrong");

    await setPool({ scaling: null });
    const agent = await core.addAgent();
    expect((await becomes(jobId, "agents_offline")).reason?.sentence).toMatch(
      /is not connected: it was never connected/,
    );
    await json("POST", `/api/v1/agents/${agent.agentId}/drain`, { body: { reason: "new kernel" } });
    await agent.connect();
    expect((await becomes(jobId, "agent_draining")).reason?.sentence).toContain("takes nothing new: new kernel");

    const paused = await json<Pool>("POST", "/api/v1/pools/default/pause", { body: { reason: "new disks" } });
    expect(paused).toMatchObject({ paused_by: "admin", paused_reason: "new disks" });
    await json("POST", `/api/v1/agents/${agent.agentId}/resume`);
    expect((await becomes(jobId, "pool_paused")).reason?.sentence).toBe(
      "the pool default was paused by admin: new disks",
    );

    await json("POST", "/api/v1/pools/default/resume");
    const offer = await agent.offer(STEP_MS_MAX);
    expect(offer.jobId).toBe(jobId);
    expect((await becomes(jobId, "starting")).reason?.sentence).toMatch(/^it was offered to agent-\d+, which/);
    await agent.start(offer);
    expect(await why(jobId)).toMatchObject({ state: "running", reason: null, position: null, estimated_start: null });
    await agent.finish(offer);
    expect(await why(jobId)).toMatchObject({ state: "finished", reason: null });
  });
});

describe("what keeps a job from the agents that are there", () => {
  it("is the agents, with its place and an estimated start once such jobs are known", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const first = await startOne(job("busy"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await startOne(job("busy"));
    const third = await startOne(job("busy"));
    const thin = await becomes(second, "all_busy");
    expect(thin.reason?.sentence).toBe("the one agent that could run it is busy (pool default)");
    expect(thin).toMatchObject({ position: { place: 1, of: 2 }, estimated_start: null, pools: ["default"] });
    expect(thin.no_estimate).toMatch(/too little is known of what runs now/);

    await seedHistory(first, [50, 55, 60, 62, 65, 70]);
    const known = await why(third);
    expect(known).toMatchObject({ position: { place: 2, of: 2 }, no_estimate: null });
    const at = (text: string | undefined): number => Date.parse(text ?? "") - Date.now();
    expect(at(known.estimated_start?.likely_at)).toBeGreaterThan(80_000);
    expect(at(known.estimated_start?.likely_at)).toBeLessThan(160_000);
    expect(at(known.estimated_start?.earliest_at)).toBeLessThan(at(known.estimated_start?.latest_at));
    await agent.finish(offer);
  });

  it("is a limit: of its repository, its pool, its matrix", async () => {
    const agent = await core.addAgent({ slots: 4 });
    await agent.connect();
    await setRepository({ jobs_max: 1 });
    const first = await startOne();
    const offer = await agent.offer();
    await agent.start(offer);
    const limited = await startOne();
    expect((await becomes(limited, "quota")).reason?.sentence).toBe("1 of at most 1 job of me/app run");
    await setPool({ jobs_max: 1 });
    await setRepository({ jobs_max: null });
    expect((await becomes(limited, "quota")).reason?.sentence).toBe("1 of at most 1 job of the pool default run");
    await setPool({ jobs_max: null });
    expect((await agent.offer(STEP_MS_MAX)).jobId).toBe(limited);
    const siblings = await start(job("many", "    strategy: { max-parallel: 1, matrix: { n: [1, 2] } }\n"));
    await agent.offer();
    const states = await Promise.all(siblings.map((id) => why(id)));
    const queued = states.find((entry) => entry.state === "queued")?.job_id ?? 0;
    expect((await becomes(queued, "max_parallel")).reason?.sentence).toBe("1 of at most 1 job of its matrix run");
    expect(first).toBeGreaterThan(0);
  });

  it("is what stands before the queue: needs, a concurrency group, a person, the next try, a cancel", async () => {
    const agent = await core.addAgent({ slots: 4 });
    await agent.connect();
    const [, needing = 0] = await start(job("build") + job("deploy", "    needs: build\n"));
    const offer = await agent.offer();
    await agent.start(offer);
    expect((await becomes(needing, "waiting_needs")).reason?.sentence).toBe("it needs 'build', which runs");

    const grouped = job("seed", "    concurrency: db\n");
    const holder = await startOne(grouped);
    const held = await agent.offer();
    const waiting = await startOne(grouped);
    const entry = await becomes(waiting, "concurrency_group");
    const run = await core.db.selectFrom("jobs").select("run_id").where("id", "=", holder).executeTakeFirstOrThrow();
    expect(entry.reason?.sentence).toBe(
      `it waits for the concurrency group 'db', held by job 'seed' of run #${run.run_id}`,
    );
    expect(entry.reason?.unblock).toContain(`windrow run cancel ${run.run_id}`);

    await setPool({ paused_at: new Date() });
    const later = await startOne();
    await setJob(later, { not_before: fromNow(14), attempt_count: 1 });
    await setPool({ paused_at: null });
    expect((await becomes(later, "backoff")).reason?.sentence).toMatch(/^try 2 follows in 1\d s: /);

    await setJob(later, { held_reason: "the approval of production" });
    expect((await becomes(later, "approval")).reason).toMatchObject({
      sentence: "it waits for the approval of production",
      is_stuck: true,
    });
    await setJob(later, { held_reason: null });

    await json("POST", `/api/v1/jobs/${held.jobId}/cancel`, { body: {} });
    await becomes(held.jobId, "cancelling");
  });

  it("has been each code there is", () => {
    expect([...seen].sort()).toEqual([...WAIT_CODES].sort());
  });
});

/** The sweeps that end what is over have looked at everything once more. */
async function sweepsHavePassed(): Promise<void> {
  const lastSeen = async () =>
    (await core.db.selectFrom("controllers").select("last_seen_at").executeTakeFirstOrThrow()).last_seen_at.getTime();
  const before = await lastSeen();
  await waitFor("a round of sweeps", async () => (await lastSeen()) > before);
}

describe("a job that cannot run now", () => {
  it.each([
    [
      "whose labels no agent has",
      "no_capacity_ever",
      () => setScaling({ max: 1 }).then(() => setPool({ scaling: null, labels: [] })),
    ],
    ["of a pool that is scaled to 0", "no_agent_matches", () => setScaling({ max: 0 })],
  ] as const)(
    "F33: %s says so within 2 s, is not failed, and starts within 2 s of an agent's coming",
    async (_, code, prepare) => {
      await prepare();
      const jobId = await startOne();
      await becomes(jobId, code, F33_MS_MAX);
      // hours later it is still in the queue
      await setJob(jobId, { queued_at: fromNow(-3 * 3_600), created_at: fromNow(-3 * 3_600) });
      await sweepsHavePassed();
      expect(await becomes(jobId, code)).toMatchObject({ state: "queued" });
      const agent = await core.addAgent();
      await agent.connect();
      const offer = await agent.offer(F33_MS_MAX);
      expect(offer.jobId).toBe(jobId);
      await agent.start(offer);
      await agent.finish(offer);
    },
  );
});

describe("the queue", () => {
  type Page = { readonly items: readonly QueueEntry[]; readonly next_cursor: string | null };
  const list = (query = "", token = admin): Promise<Page> => json<Page>("GET", `/api/v1/queue?${query}`, { token });

  it("lists by filters and pages, and what is blocked only when asked for", async () => {
    const jobIds = await start(job("a") + job("b") + job("c", "    needs: a\n"));
    await Promise.all(jobIds.slice(0, 2).map((id) => becomes(id, "no_capacity_ever")));
    const ids = (page: Page) => page.items.map((entry) => entry.job_id);
    expect(ids(await list())).toEqual(jobIds.slice(0, 2));
    expect(ids(await list("blocked=true"))).toEqual(jobIds);
    expect(ids(await list("code=waiting_needs"))).toEqual(jobIds.slice(2));
    expect(ids(await list("code=all_busy"))).toEqual([]);
    expect(ids(await list("pool=default"))).toEqual([]);
    expect(ids(await list("repository=me/app&owner=me"))).toEqual(jobIds.slice(0, 2));
    expect(ids(await list("repository=me/other"))).toEqual([]);
    const first = await list("limit=1");
    expect(ids(first)).toEqual(jobIds.slice(0, 1));
    const second = await list(`limit=1&cursor=${first.next_cursor}`);
    expect(ids(second)).toEqual(jobIds.slice(1, 2));
    expect(second.next_cursor).toBeNull();
    await core.addAgent();
    expect(ids(await list("pool=default&code=agents_offline"))).toEqual(jobIds.slice(0, 2));
  });

  it("lets an admin put jobs first, the last one before the others, and keeps who did it", async () => {
    const agent = await core.addAgent();
    const [a = 0, b = 0, c = 0] = await start(job("a") + job("b") + job("c"));
    await becomes(c, "agents_offline");
    expect(await json("POST", `/api/v1/jobs/${b}/top`)).toMatchObject({
      is_on_top: true,
      position: { place: 1, of: 3 },
    });
    expect(await json("POST", `/api/v1/jobs/${c}/top`)).toMatchObject({ position: { place: 1, of: 3 } });
    expect((await list()).items.map((entry) => entry.job_id)).toEqual([c, b, a]);
    await agent.connect();
    const order: number[] = [];
    for (let no = 0; no < 3; no++) {
      const offer = await agent.offer();
      order.push(offer.jobId);
      await agent.start(offer);
      await agent.finish(offer);
    }
    expect(order).toEqual([c, b, a]);
    expect((await call("POST", `/api/v1/jobs/${a}/top`)).status).toBe(409);
    const entries = await core.db
      .selectFrom("audit_entries")
      .select(["actor", "action", "subject", "before", "after"])
      .where("action", "=", "queue.top")
      .orderBy("id")
      .execute();
    expect(entries).toEqual([
      {
        actor: "admin",
        action: "queue.top",
        subject: `job:${b}`,
        before: { priority: 0 },
        after: { priority: 1_000_000 },
      },
      {
        actor: "admin",
        action: "queue.top",
        subject: `job:${c}`,
        before: { priority: 0 },
        after: { priority: 1_000_001 },
      },
    ]);
  });

  it("is counted on /metrics by pool and reason", async () => {
    await core.addAgent();
    const [jobId = 0] = await start(`${job("a")}${job("b")}${job("c").replace("runs-on: linux", "runs-on: gpu")}`);
    await becomes(jobId, "agents_offline");
    const lines = (await (await call("GET", "/metrics")).text()).split("\n");
    expect(lines.filter((line) => line.startsWith("windrow_jobs_queued{")).toSorted()).toEqual([
      'windrow_jobs_queued{pool="default",reason="agents_offline"} 2',
      'windrow_jobs_queued{pool="none",reason="no_capacity_ever"} 1',
    ]);
  });

  it("keeps who paused a pool and why", async () => {
    await json("POST", "/api/v1/pools/default/pause", { body: { reason: "first" } });
    await json("POST", "/api/v1/pools/default/pause", { body: { reason: "second" } });
    expect(await json("POST", "/api/v1/pools/default/resume")).toMatchObject({ paused_at: null, paused_by: null });
    // resuming what is not paused changes nothing, and tells nothing
    await json("POST", "/api/v1/pools/default/resume");
    expect((await call("POST", "/api/v1/pools/nothing/pause", { body: {} })).status).toBe(404);
    const entries = await core.db
      .selectFrom("audit_entries")
      .select(["action", "after"])
      .where("subject", "=", "pool:default")
      .orderBy("id", "desc")
      .limit(3)
      .execute();
    expect(entries.reverse()).toMatchObject([
      { action: "queue.pause", after: { reason: "first" } },
      { action: "queue.pause", after: { reason: "second" } },
      { action: "queue.resume", after: { paused: false } },
    ]);
  });

  it("shows a token its own owner's jobs only, and lets admins of the whole farm change it", async () => {
    const jobId = await startOne();
    const others = await makeToken("developer", "somebody");
    expect((await call("GET", `/api/v1/jobs/${jobId}/why`, { token: others })).status).toBe(404);
    expect((await list("", others)).items).toEqual([]);
    expect((await list("owner=me", others)).items).toEqual([]);
    expect((await list("", await makeToken("reader", "me"))).items).toHaveLength(1);
    for (const token of [await makeToken("developer"), await makeToken("admin", "me")]) {
      expect((await call("POST", `/api/v1/jobs/${jobId}/top`, { token })).status).toBe(403);
      expect((await call("POST", "/api/v1/pools/default/pause", { token, body: {} })).status).toBe(403);
    }
  });
});

/** Finished jobs of the same key, that took so long. */
async function seedHistory(likeJobId: number, seconds: readonly number[]): Promise<void> {
  const { db } = core;
  const like = await db.selectFrom("jobs").selectAll().where("id", "=", likeJobId).executeTakeFirstOrThrow();
  for (const [no, took] of seconds.entries()) {
    const ended = { state: "finished", conclusion: "success", finished_at: new Date() } as const;
    const run = await db
      .insertInto("runs")
      .values({
        ...{ repository_id: like.repository_id, number: 1_000 + no, event_name: "push", event_json: "{}" },
        ...{ ref: "refs/heads/main", sha: "a", actor: "me", workflow_path: "ci.yml", workflow_name: "ci" },
        ...{ diagnostics: "[]", inputs: "{}", ...ended },
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    const { repository_id, owner, key, name, label_set_id, trust } = like;
    await db
      .insertInto("jobs")
      .values({
        ...{ run_id: run.id, run_attempt: 1, repository_id, owner, key, name, label_set_id, trust },
        ...{ matrix: "{}", outputs: "{}", outcome: "succeeded", started_at: fromNow(-took), ...ended },
      })
      .execute();
  }
}
