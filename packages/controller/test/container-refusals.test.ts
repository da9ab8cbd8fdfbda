import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { explainWaits } from "../src/queue/explain-waits.ts";
import { type Core, startCore } from "./core-kit.ts";

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

const withContainer = (container: string): string =>
  `on: push\njobs:\n  one:\n    runs-on: linux\n    container: ${container}\n    steps: [{ run: 'true' }]\n`;

async function addDockerAgent() {
  const agent = await core.addAgent();
  agent.labels = ["linux", "docker"];
  await agent.connect();
  return agent;
}

async function refusalOf(container: string) {
  const runId = await core.insertRun(withContainer(container));
  expect(await core.runFinished(runId)).toBe("failure");
  const run = await core.db.selectFrom("runs").select("diagnostics").where("id", "=", runId).executeTakeFirstOrThrow();
  return run.diagnostics?.findLast((one) => one.severity === "error");
}

test.each([
  ["--privileged", "{ image: x, options: --privileged }"],
  ["--pid", "{ image: x, options: --pid host }"],
  ["engine's socket", "{ image: x, volumes: ['/var/run/docker.sock:/s'] }"],
  ["--device", "{ image: x, options: --device /dev/kvm }"],
  ["--cap-add", "{ image: x, options: --cap-add SYS_ADMIN }"],
  ["--workdir", "{ image: x, options: --workdir /proc/self/fd/8 }"],
  ["no name of an image", "{ image: --privileged }"],
])(
  "S28: a job whose container asks for %s that no pool allows is refused at once, with its place",
  async (what, container) => {
    await addDockerAgent();
    const refusal = await refusalOf(container);
    expect(refusal).toMatchObject({ code: "container-refused", file: ".windrow/workflows/ci.yml", line: 5 });
    expect(refusal?.message).toContain("the container of job 'one' is refused");
    expect(refusal?.message).toContain(what);
    expect(refusal?.hint).toContain("windrow pool set default");
  },
);

test("S28: what an admin allowed for the pool is queued, and what another pool allows is not meant", async () => {
  await setJobs({
    containers: { isPrivileged: true, capabilities: [], devices: ["/dev/kvm"], volumes: [], hostNamespaces: [] },
  });
  const agent = await addDockerAgent();
  const runId = await core.insertRun(withContainer("{ image: x, options: --privileged --device /dev/kvm }"));
  const offer = await agent.offer();
  expect((await agent.start(offer)).policy.containers).toMatchObject({ isPrivileged: true, devices: ["/dev/kvm"] });
  await agent.finish(offer);
  expect(await core.runFinished(runId)).toBe("success");
  expect((await refusalOf("{ image: x, options: --cap-add SYS_ADMIN }"))?.message).toContain("SYS_ADMIN");
});

test("a pool that allows no containers refuses a job with one at once", async () => {
  await setJobs({ containersAllowed: false });
  await addDockerAgent();
  expect((await refusalOf("{ image: x }"))?.message).toContain("the pool runs no jobs with containers");
});

test("a job with a container asks for an agent with an engine, and without one says what it waits for", async () => {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(withContainer("{ image: x }"));
  const [job] = await core.jobs(runId);
  const labels = await core.db
    .selectFrom("jobs as j")
    .innerJoin("label_sets as s", "s.id", "j.label_set_id")
    .select("s.labels")
    .where("j.id", "=", job?.id ?? 0)
    .executeTakeFirst();
  expect(labels?.labels).toEqual(expect.arrayContaining(["linux", "docker"]));
  await expect(agent.offer(500)).rejects.toThrow();
  const reasons = await explainWaits(core.db, [{ id: job?.id ?? 0, state: "queued" }]);
  expect([...reasons.values()]).toMatchObject([
    {
      code: "no_capacity_ever",
      sentence: expect.stringContaining("it has containers, and no agent has a Docker engine"),
    },
  ]);
  // an image that is empty is no container
  await core.insertRun(withContainer("${{ vars.IMAGE }}"));
  const offer = await agent.offer();
  await agent.start(offer);
  await agent.finish(offer);
});
