import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
  await core.setPool({ suspect_after_ms: 1_000, lost_after_ms: 3_000, lease_margin_ms: 200, offer_ms: 1_500 });
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const CHAIN = `
on: push
jobs:
  a: { runs-on: linux, steps: [{ run: x }] }
  b: { runs-on: linux, needs: a, steps: [{ run: x }] }
  tidy: { runs-on: linux, needs: a, if: always(), steps: [{ run: x }] }
`;
const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";

async function cancel(target: { runId: number } | { jobId: number }): Promise<void> {
  const token = await adminToken();
  const path = "runId" in target ? `/api/v1/runs/${target.runId}/cancel` : `/api/v1/jobs/${target.jobId}/cancel`;
  const response = await fetch(`${core.controllers[0]?.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: "{}",
  });
  expect(response.ok, await response.text()).toBe(true);
}

const adminToken = () => core.adminToken();

async function rerun(runId: number, body: object): Promise<number> {
  const response = await fetch(`${core.controllers[0]?.url}/api/v1/runs/${runId}/rerun`, {
    method: "POST",
    headers: { authorization: `Bearer ${await adminToken()}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

describe("cancel", () => {
  it("ends queued and blocked jobs at once, and lets always() run", async () => {
    const runId = await core.insertRun(CHAIN);
    await cancel({ runId });
    const agent = await core.addAgent();
    await agent.connect();
    expect((await agent.runNext()).jobKey).toBe("tidy");
    expect(await core.runFinished(runId)).toBe("cancelled");
    expect((await core.jobs(runId)).map((job) => [job.key, job.outcome])).toEqual([
      ["a", "cancelled"],
      ["b", "cancelled"],
      ["tidy", "succeeded"],
    ]);
  });

  it("asks the agent of a running job, which ends it; asking twice changes nothing", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    await cancel({ runId });
    await cancel({ runId });
    await waitFor("the cancel", () => agent.cancels.some((one) => one.attemptId === offer.attemptId));
    expect((await agent.api.reportSteps({ lease: agent.lease(offer), steps: [] })).cancelRequested).toBe(true);
    await agent.finish(offer, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(runId)).toBe("cancelled");
  });

  it("is told by the start of a job that was offered, and by every heartbeat", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await cancel({ runId });
    expect(await agent.start(offer)).toMatchObject({ cancelRequested: true });
    agent.cancels.length = 0;
    await agent.beat();
    await waitFor("the cancel", () => agent.cancels.length > 0);
    await agent.finish(offer, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(runId)).toBe("cancelled");
  });

  it("ends a job cancelled when its offer expires or its agent is lost, instead of queueing it again", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const offered = await core.insertRun(ONE);
    await agent.offer();
    await cancel({ runId: offered });
    expect(await core.runFinished(offered)).toBe("cancelled");
    const running = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    agent.isSilent = true;
    await cancel({ runId: running });
    expect(await core.runFinished(running)).toBe("cancelled");
    expect(await core.jobs(running)).toMatchObject([{ outcome: "cancelled", attempt_count: 1 }]);
  });

  it("lets a result that was on its way stand", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    await cancel({ runId });
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("of one job leaves the others alone", async () => {
    const runId = await core.insertRun(CHAIN);
    const [a] = await core.jobs(runId);
    await cancel({ jobId: a?.id ?? 0 });
    const agent = await core.addAgent();
    await agent.connect();
    expect((await agent.runNext()).jobKey).toBe("tidy");
    expect(await core.runFinished(runId)).toBe("cancelled");
    expect((await core.jobs(runId)).map((job) => job.outcome)).toEqual(["cancelled", "skipped", "succeeded"]);
  });
});

describe("matrix", () => {
  const matrix = (strategy: string) => `
on: push
jobs:
  m:
    runs-on: linux
    strategy: { matrix: { n: [1, 2, 3] }, ${strategy} }
    steps: [{ run: x }]
`;

  it("fail-fast cancels queued siblings at once and asks the running ones", async () => {
    const agent = await core.addAgent({ slots: 2 });
    await agent.connect();
    const runId = await core.insertRun(matrix("fail-fast: true"));
    const [one, two] = [await agent.offer(), await agent.offer()];
    await agent.start(one);
    await agent.start(two);
    await agent.finish(one, { outcome: "failed", reason: "step_failed" });
    await waitFor("the cancel", () => agent.cancels.some((cancelled) => cancelled.attemptId === two.attemptId));
    await agent.finish(two, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(runId)).toBe("failure");
    expect((await core.jobs(runId)).map((job) => job.outcome).sort()).toEqual(["cancelled", "cancelled", "failed"]);
  });

  it("max-parallel holds although there is room", async () => {
    const agent = await core.addAgent({ slots: 3 });
    await agent.connect();
    const runId = await core.insertRun(matrix("max-parallel: 1"));
    for (let done = 0; done < 3; done++) {
      const offer = await agent.offer();
      const leased = (await core.jobs(runId)).filter((job) => job.state === "leased" || job.state === "running");
      expect(leased.length).toBe(1);
      await agent.start(offer);
      await agent.finish(offer);
    }
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("keeps the order of its variables, so that a job that waited and a rerun have the name they were made with", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(`
on: push
jobs:
  first: { runs-on: linux, steps: [{ run: x }] }
  test:
    needs: first
    runs-on: linux
    strategy: { matrix: { python: ["3.12"], os: [linux] } }
    steps: [{ run: x }]
`);
    const names = async () => (await core.jobs(runId)).map((job) => job.name);
    expect(await names()).toEqual(["first", "test (3.12, linux)"]);
    await agent.runNext();
    await agent.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    expect(await rerun(runId, { mode: "all" })).toBeLessThan(300);
    await agent.runNext();
    await agent.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    expect(await names()).toEqual(["first", "test (3.12, linux)"]);
  });

  it("keeps the order of its variables also when it is computed", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(`
on: push
jobs:
  first: { runs-on: linux, outputs: { list: x }, steps: [{ run: x }] }
  test:
    needs: first
    runs-on: linux
    strategy: { matrix: { python: "\${{ fromJSON(needs.first.outputs.list) }}", os: [linux, mac] } }
    steps: [{ run: x }]
`);
    await agent.runNext({ outputs: { list: "[3,4]" } });
    const names = (await core.jobs(runId)).map((job) => job.name);
    expect(names).toEqual(["first", "test (3, linux)", "test (3, mac)", "test (4, linux)", "test (4, mac)"]);
    for (let done = 0; done < 4; done++) await agent.runNext();
    expect(await core.runFinished(runId)).toBe("success");
  });
});

describe("rerun", () => {
  it("of what failed makes new rows, copies what succeeded, and leaves the old rows as they were", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(CHAIN);
    await agent.runNext({ outputs: { v: "1" } });
    await agent.runNext({ outcome: "failed" });
    await agent.runNext();
    expect(await core.runFinished(runId)).toBe("failure");
    const before = await core.db.selectFrom("jobs").selectAll().where("run_id", "=", runId).orderBy("id").execute();
    expect(await rerun(runId, { mode: "failed" })).toBeLessThan(300);
    const plan = await agent.runNext();
    expect(plan).toMatchObject({ jobKey: "b", runAttempt: 2, needs: [{ jobKey: "a", result: "success" }] });
    expect(await core.runFinished(runId)).toBe("success");
    const after = await core.db.selectFrom("jobs").selectAll().where("run_id", "=", runId).orderBy("id").execute();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length).map((job) => [job.run_attempt, job.key, job.copied_from !== null])).toEqual([
      [2, "a", true],
      [2, "b", false],
      [2, "tidy", true],
    ]);
  });

  it("of one job of a matrix is not stopped by what failed the time before", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(`
on: push
jobs:
  m:
    runs-on: linux
    strategy: { matrix: { n: [1, 2] } }
    steps: [{ run: x }]
`);
    await agent.runNext({ outcome: "failed" });
    expect(await core.runFinished(runId)).toBe("failure");
    const cancelled = (await core.jobs(runId)).find((job) => job.outcome === "cancelled");
    expect(await rerun(runId, { job_id: cancelled?.id })).toBeLessThan(300);
    await agent.runNext();
    expect(await core.runFinished(runId)).toBe("failure");
    expect((await core.jobs(runId)).map((job) => job.outcome).sort()).toEqual(["failed", "succeeded"]);
  });

  it("begins the run's time anew", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(ONE);
    await agent.runNext();
    await core.runFinished(runId);
    const startedAt = async () => {
      const run = await core.db.selectFrom("runs").select("started_at").where("id", "=", runId).executeTakeFirst();
      return run?.started_at?.getTime() ?? 0;
    };
    const before = await startedAt();
    expect(await rerun(runId, { mode: "all" })).toBeLessThan(300);
    expect(await startedAt()).toBeGreaterThan(before);
    await agent.runNext();
    await core.runFinished(runId);
  });

  it("is refused while the run goes on", async () => {
    const runId = await core.insertRun(ONE);
    expect(await rerun(runId, { mode: "all" })).toBe(409);
    await cancel({ runId });
  });
});

describe("a removed agent", () => {
  it("loses its attempts at once, and its credential", async () => {
    const [agent, other] = [await core.addAgent(), await core.addAgent()];
    await agent.connect();
    const runId = await core.insertRun(ONE);
    const offer = await agent.offer();
    await agent.start(offer);
    await other.connect();
    const response = await fetch(`${core.controllers[0]?.url}/api/v1/agents/${agent.agentId}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${await adminToken()}` },
    });
    expect(response.ok).toBe(true);
    await other.runNext();
    expect(await core.runFinished(runId)).toBe("success");
    await waitFor("the session's end", () => agent.isSessionOver);
    await expect(agent.connect({ instanceId: randomUUID() })).rejects.toEqual(
      expect.objectContaining({ code: "not_allowed" }),
    );
  });
});
