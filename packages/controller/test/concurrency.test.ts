import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ controllers: 2 });
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const workflow = (group: string, more = "") => `
on: push
concurrency: { group: ${group}${more} }
jobs: { one: { runs-on: linux, steps: [{ run: x }] } }
`;
const jobs = (group: string, more = "") => `
on: push
jobs: { one: { runs-on: linux, concurrency: { group: ${group}${more} }, steps: [{ run: x }] } }
`;

async function connect(controller = 0): Promise<FakeAgent> {
  const agent = await core.addAgent({ slots: 8, controller });
  await agent.connect();
  return agent;
}

const run = (runId: number) =>
  core.db
    .selectFrom("runs")
    .select(["state", "conclusion", "cancel_reason", "waiting_reason"])
    .where("id", "=", runId)
    .executeTakeFirstOrThrow();
const runIs = (runId: number, state: string) =>
  waitFor(`run ${runId} ${state}`, async () => (await run(runId)).state === state);
const jobIs = (runId: number, state: string) =>
  waitFor(`job of ${runId} ${state}`, async () => (await core.jobs(runId)).some((job) => job.state === state));
const entries = (group: string) =>
  core.db.selectFrom("concurrency_entries").selectAll().where("group_key", "=", group).orderBy("id").execute();

describe("a concurrency group of runs", () => {
  it("lets one run at a time, of those that wait only the newest, and gives itself on at the end", async () => {
    const agent = await connect();
    const first = await core.insertRun(workflow("Deploy"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(workflow("deploy"));
    await waitFor("to wait", async () => (await entries("deploy")).some((entry) => entry.state === "pending"));
    expect(await run(second)).toMatchObject({ state: "waiting", waiting_reason: "the concurrency group 'deploy'" });
    const shown = await fetch(`${core.controllers[0]?.url}/api/v1/runs/${second}`, {
      headers: { authorization: `Bearer ${await core.adminToken()}` },
    });
    expect(await shown.json()).toMatchObject({
      waiting_reason: `the concurrency group 'deploy', held by run #${first}`,
      jobs: [{ waiting_for: `its run waits for the concurrency group 'deploy', held by run #${first}` }],
    });
    const third = await core.insertRun(workflow("deploy"));
    expect(await core.runFinished(second)).toBe("cancelled");
    expect(await run(second)).toMatchObject({ cancel_reason: "concurrency_replaced" });
    expect((await run(third)).state).toBe("waiting");
    await agent.finish(offer);
    expect(await core.runFinished(first)).toBe("success");
    await agent.runNext();
    expect(await core.runFinished(third)).toBe("success");
    expect(await entries("deploy")).toEqual([]);
    expect(await core.eventKinds(third)).toContain("run_running");
  });

  it("with cancel-in-progress ends the one that runs", async () => {
    const agent = await connect();
    const first = await core.insertRun(workflow("pr", ", cancel-in-progress: true"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(workflow("pr", ", cancel-in-progress: true"));
    await waitFor("the cancel", () => agent.cancels.find((one) => one.attemptId === offer.attemptId));
    expect((await run(second)).state).toBe("waiting");
    await agent.finish(offer, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(first)).toBe("cancelled");
    await agent.runNext();
    expect(await core.runFinished(second)).toBe("success");
  });

  it("with queue max lets all of them run, in order", async () => {
    const agent = await connect();
    const ids: number[] = [];
    for (let no = 0; no < 4; no++) ids.push(await core.insertRun(workflow("queue", ", queue: max")));
    const order: number[] = [];
    for (let no = 0; no < 4; no++) order.push((await agent.runNext()).runId);
    expect(order).toEqual(ids);
  });

  it("can be left by a cancel while waiting, and is asked for again by a rerun", async () => {
    const agent = await connect();
    const first = await core.insertRun(workflow("again"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(workflow("again"));
    await runIs(second, "waiting");
    const headers = { authorization: `Bearer ${await core.adminToken()}`, "content-type": "application/json" };
    const post = (path: string, controller = 0) =>
      fetch(`${core.controllers[controller]?.url}${path}`, { method: "POST", headers, body: "{}" });
    expect((await post(`/api/v1/runs/${second}/cancel`)).ok).toBe(true);
    expect(await core.runFinished(second)).toBe("cancelled");
    expect((await post(`/api/v1/runs/${second}/rerun`)).ok).toBe(true);
    expect((await run(second)).state).toBe("waiting");
    await agent.finish(offer);
    expect(await core.runFinished(first)).toBe("success");
    expect((await agent.runNext()).runAttempt).toBe(2);
    expect(await core.runFinished(second)).toBe("success");
  });

  it("is found by the sweep when a controller died between two commits", async () => {
    const agent = await connect();
    const first = await core.insertRun(workflow("crash"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(workflow("crash"));
    await waitFor("to wait", async () => (await entries("crash")).some((entry) => entry.state === "pending"));
    // as if the end of the first had been the controller's last act
    await core.db.deleteFrom("concurrency_entries").where("run_id", "=", first).execute();
    await runIs(second, "running");
    await agent.finish(offer);
    await agent.runNext();
    expect(await core.runFinished(second)).toBe("success");
  });

  it("has never two holders, and forgets nobody, though two controllers take its runs at once", async () => {
    const agents = [await connect(0), await connect(1)];
    const ids = await Promise.all(Array.from({ length: 12 }, () => core.insertRun(workflow("race", ", queue: max"))));
    let running = 0;
    let ran = 0;
    const work = async (agent: FakeAgent): Promise<void> => {
      while (ran < ids.length) {
        const offer = await agent.offer(2_000).catch(() => undefined);
        if (offer === undefined) continue;
        running += 1;
        expect(running).toBe(1);
        await agent.start(offer);
        running -= 1;
        await agent.finish(offer);
        ran += 1;
      }
    };
    await Promise.all(agents.map(work));
    for (const id of ids) expect(await core.runFinished(id)).toBe("success");
    expect(await entries("race")).toEqual([]);
  });
});

describe("a concurrency group of jobs", () => {
  it("holds a job back, says so, and lets it in when the other is finished", async () => {
    const agent = await connect();
    const first = await core.insertRun(jobs("db"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(jobs("db"));
    await waitFor("to wait", async () => (await entries("db")).some((entry) => entry.state === "pending"));
    const [job] = await core.jobs(second);
    expect(job?.state).toBe("blocked");
    const answer = await fetch(`${core.controllers[0]?.url}/api/v1/jobs/${job?.id}`, {
      headers: { authorization: `Bearer ${await core.adminToken()}` },
    });
    expect(await answer.json()).toMatchObject({
      waiting_code: "concurrency_group",
      waiting_for: expect.stringMatching(/^it waits for the concurrency group 'db', held by job '.+' of run #\d+$/),
    });
    await agent.finish(offer);
    expect(await core.runFinished(first)).toBe("success");
    await agent.runNext();
    expect(await core.runFinished(second)).toBe("success");
    expect(await entries("db")).toEqual([]);
  });

  it("replaces the one that waits, and ends the one that runs when asked to", async () => {
    const agent = await connect();
    const first = await core.insertRun(jobs("x"));
    const offer = await agent.offer();
    await agent.start(offer);
    const second = await core.insertRun(jobs("x"));
    await waitFor("to wait", async () => (await entries("x")).some((entry) => entry.state === "pending"));
    const third = await core.insertRun(jobs("x", ", cancel-in-progress: true"));
    expect(await core.runFinished(second)).toBe("cancelled");
    expect(await core.jobs(second)).toMatchObject([{ outcome: "cancelled", reason: "concurrency_replaced" }]);
    await waitFor("the cancel", () => agent.cancels.find((one) => one.attemptId === offer.attemptId));
    await agent.finish(offer, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(first)).toBe("cancelled");
    await agent.runNext();
    expect(await core.runFinished(third)).toBe("success");
  });

  it("cancels a job that would wait for its own run", async () => {
    const runId = await core.insertRun(`
on: push
concurrency: same
jobs: { one: { runs-on: linux, concurrency: SAME, steps: [{ run: x }] } }
`);
    expect(await core.runFinished(runId)).toBe("cancelled");
    expect(await core.jobs(runId)).toMatchObject([{ reason: "concurrency_deadlock" }]);
    await jobIs(runId, "finished");
  });
});

describe("a try", () => {
  it("neither waits for, nor ends, what a branch runs", async () => {
    const agent = await connect();
    const first = await core.insertRun(workflow("branch", ", cancel-in-progress: true"));
    const offer = await agent.offer();
    await agent.start(offer);
    const tried = await core.insertRun(workflow("branch", ", cancel-in-progress: true"), { scope: "try" });
    await agent.runNext();
    expect(await core.runFinished(tried)).toBe("success");
    expect(agent.cancels).toEqual([]);
    await agent.finish(offer);
    expect(await core.runFinished(first)).toBe("success");
  });
});
