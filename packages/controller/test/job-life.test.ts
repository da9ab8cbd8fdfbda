import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const HELLO = `
on: push
jobs:
  hello:
    runs-on: linux
    steps: [{ run: echo hello }]
`;

describe("the life of a job", () => {
  it("goes from the queue to an agent, and its facts into rows", async () => {
    const agent = await core.addAgent();
    await agent.connect();
    const runId = await core.insertRun(HELLO);
    const plan = await agent.runNext({ output: "hello world\n" });
    expect(plan).toMatchObject({ jobKey: "hello", runId, repository: "me/app", steps: [{ run: "echo hello" }] });
    expect(await core.runFinished(runId)).toBe("success");
    expect(await core.jobs(runId)).toMatchObject([{ state: "finished", outcome: "succeeded", attempt_count: 1 }]);
    expect(await core.eventKinds(runId)).toEqual([
      "run_running",
      "job_blocked",
      "job_queued",
      "attempt_offered",
      "job_leased",
      "attempt_started",
      "job_running",
      "step_running",
      "step_finished",
      "attempt_finished",
      "job_finished",
      "run_finished",
    ]);
    agent.close();
    await waitFor("the agent to be suspect", async () => {
      const row = await core.db.selectFrom("agents").select("state").where("id", "=", agent.agentId).executeTakeFirst();
      return row?.state === "suspect";
    });
  });

  it("runs what needs it afterwards, with its outputs, and skips what a failure forbids", async () => {
    const agent = await core.addAgent({ slots: 2 });
    await agent.connect();
    const runId = await core.insertRun(`
on: push
jobs:
  a: { runs-on: linux, outputs: { v: x }, steps: [{ run: "true" }] }
  b: { runs-on: linux, needs: a, steps: [{ run: "false" }] }
  c: { runs-on: linux, needs: b, steps: [{ run: "true" }] }
  d: { runs-on: linux, needs: [b, c], if: always(), steps: [{ run: "true" }] }
`);
    expect((await agent.runNext({ outputs: { v: "1.2" } })).jobKey).toBe("a");
    const planB = await agent.runNext({ outcome: "failed" });
    expect(planB.needs).toEqual([{ jobKey: "a", result: "success", outputs: { v: "1.2" } }]);
    expect((await agent.runNext()).needs).toMatchObject([{ result: "failure" }, { result: "skipped" }]);
    expect(await core.runFinished(runId)).toBe("failure");
    expect((await core.jobs(runId)).map((job) => [job.key, job.outcome])).toEqual([
      ["a", "succeeded"],
      ["b", "failed"],
      ["c", "skipped"],
      ["d", "succeeded"],
    ]);
    agent.close();
  });
});
