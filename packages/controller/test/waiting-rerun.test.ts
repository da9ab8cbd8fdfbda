import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const CALLED = `
on: workflow_call
jobs:
  one: { runs-on: linux, steps: [{ run: x }] }
  two: { needs: one, runs-on: linux, steps: [{ run: x }] }
`;
const run = (runId: number) =>
  core.db.selectFrom("runs").select(["state", "attempt"]).where("id", "=", runId).executeTakeFirstOrThrow();

async function ask(path: string, body: object = {}): Promise<void> {
  const response = await fetch(`${core.controllers[0]?.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${await core.adminToken()}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.ok, await response.text()).toBe(true);
}

/** A rerun of a run whose call goes on with one of its jobs, while somebody else has the group. */
async function waitingRerun(group: string) {
  const agent = await core.addAgent({ slots: 4 });
  await agent.connect();
  const text = `on: push\nconcurrency: ${group}\njobs: { call: { uses: ./called.yml } }`;
  const runId = await core.insertRun(text, { called: { "./called.yml": CALLED } });
  await agent.runNext();
  await agent.runNext({ outcome: "failed" });
  expect(await core.runFinished(runId)).toBe("failure");
  const simple = `on: push\nconcurrency: ${group}\njobs: { a: { runs-on: linux, steps: [{ run: x }] } }`;
  const holder = await core.insertRun(simple);
  const offer = await agent.offer();
  await agent.start(offer);
  await ask(`/api/v1/runs/${runId}/rerun`, { mode: "failed" });
  expect(await run(runId)).toMatchObject({ state: "waiting", attempt: 2 });
  /** So that no agent of a later test is offered what this one held. */
  const letGo = async (): Promise<void> => {
    await agent.finish(offer);
    await core.runFinished(holder);
  };
  return { agent, runId, simple, letGo };
}

describe("a rerun that waits for its concurrency group with a call that goes on", () => {
  it("ends when it is cancelled", async () => {
    const { runId, letGo } = await waitingRerun("cancelled");
    await ask(`/api/v1/runs/${runId}/cancel`);
    expect(await core.runFinished(runId)).toBe("cancelled");
    await letGo();
  });

  it("ends when a newer run takes its place", async () => {
    const { agent, runId, simple, letGo } = await waitingRerun("replaced");
    const newer = await core.insertRun(simple);
    expect(await core.runFinished(runId)).toBe("cancelled");
    const entries = core.db.selectFrom("concurrency_entries").select("id").where("run_id", "=", runId);
    await waitFor("its entry to go", async () => (await entries.execute()).length === 0);
    await letGo();
    await agent.runNext();
    expect(await core.runFinished(newer)).toBe("success");
  });
});
