import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import type { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const CALLER = `
on: push
jobs:
  prepare: { runs-on: linux, outputs: { list: x }, steps: [{ run: x }] }
  deploy:
    needs: prepare
    uses: ./deploy.yml
    with: { place: "\${{ needs.prepare.outputs.list }}", count: 3 }
  after: { needs: deploy, runs-on: linux, steps: [{ run: "echo \${{ needs.deploy.outputs.url }}" }] }
`;
const CALLED = `
on:
  workflow_call:
    inputs: { place: { type: string }, count: { type: number } }
    outputs: { url: { value: "\${{ jobs.publish.outputs.url }}!" } }
jobs:
  build: { runs-on: linux, steps: [{ run: "echo \${{ inputs.place }}" }] }
  publish: { needs: build, runs-on: linux, name: "to \${{ inputs.place }}", outputs: { url: x }, steps: [{ run: x }] }
`;

async function connect(slots = 4): Promise<FakeAgent> {
  const agent = await core.addAgent({ slots });
  await agent.connect();
  return agent;
}

async function ask(path: string, body: object = {}): Promise<void> {
  const response = await fetch(`${core.controllers[0]?.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${await core.adminToken()}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.ok, await response.text()).toBe(true);
}

const outcomes = async (runId: number) => (await core.jobs(runId)).map((job) => [job.key, job.outcome ?? job.state]);
/** An agent is there and has room. */
const queuedOrOffered: unknown = expect.stringMatching(/^(queued|leased)$/);
const inState = (runId: number, key: string, state: string) =>
  waitFor(`${key} to be ${state}`, async () =>
    (await core.jobs(runId)).find((job) => job.key === key && job.state === state),
  );

describe("a job that calls a workflow", () => {
  it("runs its jobs with the inputs, and gives its outputs to what needs it", async () => {
    const agent = await connect();
    const runId = await core.insertRun(CALLER, { called: { "./deploy.yml": CALLED } });
    expect((await agent.runNext({ outputs: { list: "here" } })).jobKey).toBe("prepare");
    const build = await agent.runNext();
    expect(build).toMatchObject({ jobKey: "build", jobName: "deploy / build", inputs: { place: "here", count: 3 } });
    expect(build.source.path).toBe("deploy.yml");
    expect(build.workflowPath).toBe(".windrow/workflows/ci.yml");
    const publish = await agent.runNext({ outputs: { url: "http://x" } });
    expect(publish).toMatchObject({ jobName: "deploy / to here", needs: [{ jobKey: "build", result: "success" }] });
    expect((await agent.runNext()).needs).toEqual([
      { jobKey: "deploy", result: "success", outputs: { url: "http://x!" } },
    ]);
    expect(await core.runFinished(runId)).toBe("success");
    expect(await outcomes(runId)).toEqual([
      ["prepare", "succeeded"],
      ["deploy", "succeeded"],
      ["after", "succeeded"],
      ["deploy/build", "succeeded"],
      ["deploy/publish", "succeeded"],
    ]);
  });

  it("fails with a job inside, which skips what needs it, and a rerun of what failed keeps the rest", async () => {
    const agent = await connect();
    const runId = await core.insertRun(CALLER, { called: { "./deploy.yml": CALLED } });
    await agent.runNext({ outputs: { list: "here" } });
    await agent.runNext();
    await agent.runNext({ outcome: "failed" });
    expect(await core.runFinished(runId)).toBe("failure");
    expect(await outcomes(runId)).toContainEqual(["after", "skipped"]);
    await ask(`/api/v1/runs/${runId}/rerun`, { mode: "failed" });
    const again = await agent.runNext({ outputs: { url: "u" } });
    expect(again).toMatchObject({ jobKey: "publish", runAttempt: 2, inputs: { place: "here", count: 3 } });
    expect((await agent.runNext()).jobKey).toBe("after");
    expect(await core.runFinished(runId)).toBe("success");
    expect(await outcomes(runId)).toHaveLength(5);
    // everything: the inner jobs are made anew
    await ask(`/api/v1/runs/${runId}/rerun`, { mode: "all" });
    expect(await outcomes(runId)).toEqual([
      ["prepare", queuedOrOffered],
      ["deploy", "blocked"],
      ["after", "blocked"],
    ]);
    for (const key of ["prepare", "build", "publish", "after"]) expect((await agent.runNext()).jobKey).toBe(key);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("is cancelled with everything inside", async () => {
    const agent = await connect();
    const runId = await core.insertRun(CALLER, { called: { "./deploy.yml": CALLED } });
    await agent.runNext();
    const offer = await agent.offer();
    await agent.start(offer);
    await inState(runId, "deploy/build", "running");
    const call = (await core.jobs(runId)).find((job) => job.key === "deploy");
    await ask(`/api/v1/jobs/${call?.id}/cancel`);
    await waitFor("the cancel", () => agent.cancels.find((one) => one.attemptId === offer.attemptId));
    await agent.finish(offer, { outcome: "cancelled", reason: "cancelled" });
    expect(await core.runFinished(runId)).toBe("cancelled");
    expect(await outcomes(runId)).toEqual([
      ["prepare", "succeeded"],
      ["deploy", "cancelled"],
      ["after", "skipped"],
      ["deploy/build", "cancelled"],
      ["deploy/publish", "cancelled"],
    ]);
  });

  it("is left out when a need failed", async () => {
    const agent = await connect();
    const runId = await core.insertRun(CALLER, { called: { "./deploy.yml": CALLED } });
    await agent.runNext({ outcome: "failed" });
    expect(await core.runFinished(runId)).toBe("failure");
    expect(await outcomes(runId)).toEqual([
      ["prepare", "failed"],
      ["deploy", "skipped"],
      ["after", "skipped"],
    ]);
  });

  it("may call another that calls another, and stand in a matrix with max-parallel and fail-fast", async () => {
    const agent = await connect();
    const runId = await core.insertRun(
      `
on: push
jobs:
  all:
    strategy: { max-parallel: 1, matrix: { n: [1, 2, 3] } }
    uses: ./outer.yml
    with: { n: "\${{ matrix.n }}" }
`,
      {
        called: {
          "./outer.yml": `
on: { workflow_call: { inputs: { n: { type: number } } } }
jobs: { in: { uses: ./inner.yml, with: { n: "\${{ inputs.n }}" } } }
`,
          "./inner.yml": `
on: { workflow_call: { inputs: { n: { type: number } } } }
jobs: { leaf: { runs-on: linux, steps: [{ run: x }] } }
`,
        },
      },
    );
    expect(await outcomes(runId)).toEqual([
      ["all", "running"],
      ["all", "blocked"],
      ["all", "blocked"],
      ["all[0]/in", "running"],
      ["all[0]/in/leaf", queuedOrOffered],
    ]);
    expect(await agent.runNext()).toMatchObject({ jobKey: "leaf", inputs: { n: 1 }, jobName: "all (1) / in / leaf" });
    expect(await agent.runNext({ outcome: "failed" })).toMatchObject({ inputs: { n: 2 } });
    expect(await core.runFinished(runId)).toBe("failure");
    expect((await outcomes(runId)).slice(0, 3)).toEqual([
      ["all", "succeeded"],
      ["all", "failed"],
      ["all", "cancelled"],
    ]);
  });
});

const COMPUTED = `
on: push
jobs:
  list: { runs-on: linux, outputs: { m: x }, steps: [{ run: x }] }
  each:
    needs: list
    runs-on: linux
    strategy: { max-parallel: 2, matrix: { v: "\${{ fromJSON(needs.list.outputs.m) }}" } }
    steps: [{ run: x }]
  last: { needs: each, runs-on: linux, steps: [{ run: x }] }
`;

describe("a run that grows beyond its limit", () => {
  it("fails the call that would add too many jobs, and says so", async () => {
    const runId = await core.insertRun(
      "on: push\njobs: { many: { strategy: { matrix: { n: [1, 2, 3, 4, 5, 6, 7, 8, 9] } }, uses: ./wide.yml } }",
      {
        called: {
          "./wide.yml": `
on: workflow_call
jobs: { leaf: { runs-on: nowhere, strategy: { matrix: { n: [${Array.from({ length: 250 }, (_, no) => no).join(",")}] } }, steps: [{ run: x }] } }
`,
        },
      },
    );
    const jobs = await core.jobs(runId);
    expect(jobs).toHaveLength(9 + 7 * 250);
    expect(jobs.filter((job) => job.key === "many" && job.outcome === "failed")).toHaveLength(2);
    const run = await core.db
      .selectFrom("runs")
      .select("diagnostics")
      .where("id", "=", runId)
      .executeTakeFirstOrThrow();
    expect(run.diagnostics).toMatchObject([{ code: "limit-jobs", line: 2 }, { code: "limit-jobs" }]);
    expect(await core.runFinished(runId)).toBe("failure");
  });

  it("fails the call whose matrices would wait for each other too often", async () => {
    const list = Array.from({ length: 250 }, (_, no) => no).join(",");
    const leaf = `runs-on: nowhere, strategy: { matrix: { n: [${list}] } }, steps: [{ run: x }]`;
    const runId = await core.insertRun("on: push\njobs: { many: { uses: ./wide.yml } }", {
      called: { "./wide.yml": `on: workflow_call\njobs: { a: { ${leaf} }, b: { needs: a, ${leaf} } }` },
    });
    expect(await core.runFinished(runId)).toBe("failure");
    expect(await core.jobs(runId)).toMatchObject([{ outcome: "failed", reason: "diagnostic" }]);
  });
});

describe("a matrix that is computed from the outputs of a need", () => {
  it("gets its rows when they are known, and what needs it waits for all of them", async () => {
    const agent = await connect();
    const runId = await core.insertRun(COMPUTED);
    expect(await outcomes(runId)).toHaveLength(3);
    await agent.runNext({ outputs: { m: '["a","b","c"]' } });
    await waitFor("the rows", async () => (await core.jobs(runId)).length === 5);
    const names: string[] = [];
    for (let no = 0; no < 3; no++) {
      const plan = await agent.runNext();
      names.push(plan.jobName);
      expect(plan.strategy).toMatchObject({ jobTotal: 3, maxParallel: 2 });
    }
    expect(names.sort()).toEqual(["each (a)", "each (b)", "each (c)"]);
    expect((await agent.runNext()).jobKey).toBe("last");
    expect(await core.runFinished(runId)).toBe("success");
    // run again as a whole it is computed again
    await ask(`/api/v1/runs/${runId}/rerun`, { mode: "all" });
    expect(await outcomes(runId)).toHaveLength(3);
    await agent.runNext({ outputs: { m: '["z"]' } });
    expect((await agent.runNext()).matrix).toEqual({ v: "z" });
    expect((await agent.runNext()).jobKey).toBe("last");
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("that comes out empty fails its job and says where", async () => {
    const agent = await connect();
    const runId = await core.insertRun(COMPUTED);
    await agent.runNext({ outputs: { m: "[]" } });
    expect(await core.runFinished(runId)).toBe("failure");
    const run = await core.db
      .selectFrom("runs")
      .select("diagnostics")
      .where("id", "=", runId)
      .executeTakeFirstOrThrow();
    expect(run.diagnostics).toMatchObject([{ file: ".windrow/workflows/ci.yml", line: 5 }]);
  });
});

describe("a cancelled run", () => {
  it("leaves a running job alone whose condition says yes even then", async () => {
    const agent = await connect();
    const runId = await core.insertRun(`
on: push
jobs:
  keep: { if: always(), runs-on: linux, steps: [{ run: x }] }
  drop: { if: "!cancelled()", runs-on: linux, steps: [{ run: x }] }
`);
    const offers = [await agent.offer(), await agent.offer()];
    const keys = await Promise.all(offers.map(async (offer) => (await agent.start(offer)).plan.jobKey));
    await ask(`/api/v1/runs/${runId}/cancel`);
    const dropped = offers[keys.indexOf("drop")];
    const kept = offers[keys.indexOf("keep")];
    if (dropped === undefined || kept === undefined) throw new Error("both were offered");
    await waitFor("the cancel", () => agent.cancels.find((one) => one.attemptId === dropped.attemptId));
    await agent.finish(dropped, { outcome: "cancelled", reason: "cancelled" });
    expect(agent.cancels.some((one) => one.attemptId === kept.attemptId)).toBe(false);
    await agent.finish(kept);
    expect(await core.runFinished(runId)).toBe("cancelled");
  });
});

describe("runs-on with a group", () => {
  it("goes to agents of that pool alone, whatever labels others claim", async () => {
    await core.db
      .insertInto("pools")
      .values({ name: "deploy" })
      .onConflict((on) => on.doNothing())
      .execute();
    const claiming = await core.addAgent({ labels: ["linux", "pool:deploy"] });
    await claiming.connect();
    const runId = await core.insertRun(`
on: push
jobs:
  far: { runs-on: { group: deploy, labels: [linux] }, environment: production, steps: [{ run: x }] }
  near: { runs-on: { group: default, labels: [linux] }, steps: [{ run: x }] }
`);
    expect((await claiming.runNext()).jobKey).toBe("near");
    await core.db.updateTable("agents").set({ pool: "deploy" }).where("id", "=", claiming.agentId).execute();
    const plan = await claiming.runNext();
    expect(plan).toMatchObject({ jobKey: "far", environment: { name: "production" }, exclusive: true });
    const rows = await core.db.selectFrom("jobs").select(["key", "exclusive"]).where("run_id", "=", runId).execute();
    expect(rows).toContainEqual({ key: "far", exclusive: true });
    expect(await core.runFinished(runId)).toBe("success");
  });
});
