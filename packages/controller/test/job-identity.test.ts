import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "@windrow/contract";
import type { Plan } from "@windrow/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { makeWorkTree } from "./edge-kit.ts";

let core: Core;
let dir: string;
beforeAll(async () => {
  core = await startCore();
  dir = await mkdtemp(join(tmpdir(), "windrow-identity-"));
});
afterEach(() => core.removeAgents());
afterAll(async () => {
  await core.stop();
  await rm(dir, { recursive: true, force: true });
});

const url = () => core.controllers[0]?.url ?? "";
const workflow = (permissions: string) => `
on: { push: {}, workflow_dispatch: {}, repository_dispatch: {} }
permissions: ${permissions}
jobs: { a: { runs-on: linux, steps: [{ run: x }] } }
`;
const NIGHTLY = 'on: { schedule: [{ cron: "0 3 * * *" }] }\njobs: { a: { runs-on: linux, steps: [{ run: x }] } }';
const runsOf = async (name: string) => {
  const rows = await core.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .select(["runs.id", "runs.event_name", "runs.actor"])
    .where("repositories.name", "=", name)
    .orderBy("runs.id")
    .execute();
  return rows.map((row) => row.event_name);
};

/** Takes the next job of that run, and does those that earlier tests left on the way. */
async function takeJob(isWanted: (plan: Plan) => boolean) {
  const agent = await core.addAgent({ slots: 4 });
  await agent.connect();
  for (;;) {
    const offer = await agent.offer();
    const { jobToken, plan } = await agent.start(offer);
    if (isWanted(plan)) return { agent, offer, jobToken };
    await agent.finish(offer);
  }
}

/** Pushes a workflow with these permissions and starts its job, for its token. */
async function startJob(name: string, permissions: string) {
  const token = await core.adminToken();
  const tree = await makeWorkTree(dir, url(), { ".windrow/workflows/ci.yml": workflow(permissions) });
  const push = await tree.push({ token, name });
  expect(push.code, push.stderr).toBe(0);
  const { agent, offer, jobToken } = await takeJob((plan) => plan.repository === `me/${name}`);
  const post = (path: string, body: object) =>
    fetch(`${url()}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${jobToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return { tree, agent, offer, jobToken, post };
}

describe("a job's own token", () => {
  it("with contents: write pushes to its repository, and that starts no run", async () => {
    const { tree, agent, offer, jobToken } = await startJob("writer", "{ contents: write }");
    await tree.commit({ ".windrow/workflows/nightly.yml": NIGHTLY });
    const push = await tree.push({ token: jobToken, name: "writer" });
    expect(push.code, push.stderr).toBe(0);
    // the farm knows the new schedule all the same
    const { schedules } = await core.db
      .selectFrom("repositories")
      .select("schedules")
      .where("name", "=", "writer")
      .executeTakeFirstOrThrow();
    expect(schedules).toMatchObject([{ cron: "0 3 * * *" }]);
    expect(push.stderr).toContain("a job's own token");
    expect(await runsOf("writer")).toEqual(["push"]);
    const elsewhere = await tree.push({ token: jobToken, name: "other" });
    expect(elsewhere.code).not.toBe(0);
    await agent.finish(offer);
    await tree.commit({ made: "too late" });
    expect((await tree.push({ token: jobToken, name: "writer" })).code).not.toBe(0);
  });

  it("with contents: read pushes nothing and starts nothing", async () => {
    const { tree, jobToken, post } = await startJob("reader", "{ contents: read }");
    await tree.commit({ made: "by the job" });
    const push = await tree.push({ token: jobToken, name: "reader" });
    expect(push.code).not.toBe(0);
    expect(push.stderr).toContain("403");
    expect((await post("/api/v1/runs", { repository: "me/reader" })).status).toBe(403);
  });

  it("with actions: write starts runs by hand and by dispatch, of its own repository alone", async () => {
    const tree = await makeWorkTree(dir, url(), {
      ".windrow/workflows/ci.yml": workflow("{}").replace("push: {}, ", ""),
    });
    expect((await tree.push({ token: await core.adminToken(), name: "victim" })).code).toBe(0);
    const { post } = await startJob("starter", "{ actions: write }");
    expect((await post("/api/v1/runs", { repository: "me/starter" })).status).toBe(201);
    const told = await post("/api/v1/repositories/me/starter/dispatches", { event_type: "go" });
    expect(told.status, await told.text()).toBe(201);
    // what a job does is no push, and it may not say it was one
    for (const event of ["push", "pull_request_target", "schedule"]) {
      expect((await post("/api/v1/runs", { repository: "me/starter", event })).status).toBe(403);
    }
    expect(await runsOf("starter")).toEqual(["push", "workflow_dispatch", "repository_dispatch"]);
    expect((await post("/api/v1/runs", { repository: "me/victim" })).status).toBe(404);
  });
});

describe("annotations and summaries", () => {
  it("come with the end of their step, once, and are shown with the job", async () => {
    const runId = await core.insertRun("on: push\njobs: { a: { runs-on: linux, steps: [{ run: x }] } }");
    const { agent, offer } = await takeJob((plan) => plan.runId === runId);
    const lease = agent.lease(offer);
    const annotations = Array.from({ length: 10 }, (_, no) => ({
      level: "error" as const,
      message: `wrong ${no}`,
      file: "a.ts",
      line: no + 1,
      endLine: 2 ** 32 - 1,
    }));
    const step = { stepNo: 0, name: "step", startedAtMs: 1_000 };
    const end = { ...step, state: "finished" as const, outcome: "failed" as const, finishedAtMs: 2_000 };
    await agent.api.reportSteps({ lease, steps: [{ ...step, state: "running" }] });
    for (let no = 0; no < 2; no++) {
      await agent.api.reportSteps({ lease, steps: [{ ...end, annotations, summary: "# Done" }] });
    }
    await agent.finish(offer, { outcome: "failed" });
    await core.runFinished(runId);
    const [job] = await core.jobs(runId);
    const headers = { authorization: `Bearer ${await core.adminToken()}` };
    const view: Job = JSON.parse(await (await fetch(`${url()}/api/v1/jobs/${job?.id}`, { headers })).text());
    expect(view.attempts[0]?.steps[0]?.summary).toBe("# Done");
    const shown = view.attempts[0]?.steps[0]?.annotations ?? [];
    expect(shown).toHaveLength(10);
    expect(shown[0]).toEqual({
      level: "error",
      message: "wrong 0",
      title: null,
      file: "a.ts",
      line: 1,
      end_line: 2 ** 31 - 1,
      column: null,
      end_column: null,
    });
    const page = await (await fetch(`${url()}/runs/${runId}`, { headers })).text();
    expect(page).toContain("a.ts:1");
    expect(page).toContain("wrong 0");
  });

  it("come to a bounded number for each attempt, whatever its agent sends", async () => {
    const runId = await core.insertRun("on: push\njobs: { a: { runs-on: linux, steps: [{ run: x }] } }");
    const { agent, offer } = await takeJob((plan) => plan.runId === runId);
    const levels = ["notice", "warning", "error"] as const;
    const annotations = levels.flatMap((level) => Array.from({ length: 10 }, () => ({ level, message: "m" })));
    for (let stepNo = 0; stepNo < 30; stepNo += 10) {
      const steps = Array.from({ length: 10 }, (_, no) => ({
        ...{ stepNo: stepNo + no, name: "step", startedAtMs: 1_000, finishedAtMs: 2_000 },
        ...{ state: "finished" as const, outcome: "failed" as const, annotations, summary: "# Done" },
      }));
      await agent.api.reportSteps({ lease: agent.lease(offer), steps });
    }
    await agent.finish(offer);
    const ofAttempt = async (table: "annotations" | "step_summaries") =>
      (await core.db.selectFrom(table).select("step_no").where("attempt_id", "=", offer.attemptId).execute()).length;
    expect(await ofAttempt("annotations")).toBe(200);
    expect(await ofAttempt("step_summaries")).toBe(20);
    expect(await core.runFinished(runId)).toBe("success");
  });
});
