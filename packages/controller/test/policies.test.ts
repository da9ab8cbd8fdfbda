import { listAgentViews, readFleet } from "@windrow/store";
import { PROTOCOL_VERSION } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

const JOB = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: 'true' }] } }\n";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(async () => {
  await core.removeAgents();
  await setJobs(null);
});
afterAll(() => core.stop());

const setJobs = (settings: object | null) =>
  core.db
    .updateTable("pools")
    .set({ job_settings: settings === null ? null : JSON.stringify(settings) })
    .where("name", "=", "default")
    .execute();

test("an agent hears with its welcome and with a start how its pool wants jobs to run, and when that changes", async () => {
  await setJobs({ confinement: "sandbox", egress: { kind: "none" } });
  const agent = await core.addAgent();
  const { policy } = await agent.connect();
  expect(policy).toMatchObject({ confinement: "sandbox", egress: { kind: "none" }, limits: { processesMax: 4_096 } });
  await setJobs({ farmAccess: true });
  await waitFor("the change", () => agent.heard.has("policy"));
  await core.insertRun(JOB);
  const offer = await agent.offer();
  const start = await agent.start(offer);
  expect(start.policy).toMatchObject({ farmAccess: true, egress: { kind: "all" }, limits: {} });
  await agent.finish(offer);
});

test("an agent that cannot do as its pool asks is offered nothing, and everybody can read why", async () => {
  const agent = await core.addAgent();
  await agent.connect();
  agent.session?.send({ kind: "unfit", problem: "bubblewrap is not installed" });
  const [view] = await waitFor("its row", async () => {
    const views = await listAgentViews(core.db, {});
    return views[0]?.unfit_reason === null ? undefined : views;
  });
  expect(view).toMatchObject({ unfit_reason: "bubblewrap is not installed" });
  const runId = await core.insertRun(JOB);
  const group = (await readFleet(core.db)).agentGroups.find((one) => one.drainingCount > 0);
  expect(group?.draining).toEqual({ name: view?.name, reason: "bubblewrap is not installed", isUnfit: true });
  await expect(agent.offer(700)).rejects.toThrow();
  // as soon as it can, it is offered what waits
  agent.session?.send({ kind: "unfit", problem: "" });
  const offer = await agent.offer();
  await agent.start(offer);
  await agent.finish(offer);
  expect(await core.runFinished(runId)).toBe("success");
});

test("an agent of the version before takes no job of a pool that says how jobs run", async () => {
  await setJobs({ confinement: "sandbox" });
  const agent = await core.addAgent();
  agent.protocolVersion = PROTOCOL_VERSION - 1;
  await agent.connect();
  const [view] = await listAgentViews(core.db, {});
  expect(view?.unfit_reason).toMatch(/its version knows nothing of how its pool wants jobs to run: upgrade it/);
  await setJobs(null);
  await agent.connect();
  expect((await listAgentViews(core.db, {}))[0]?.unfit_reason).toBeNull();
});
