import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import type { GitRepository } from "../kit/git-repository.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";
import { runWindrow, startWindrow } from "../kit/windrow-command.ts";

const WORKFLOW = `
name: CI
on: [push, workflow_dispatch]
jobs:
  check:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - name: Look
        run: |
          ls
          test ! -f broken
`;

let farm: Farm;
let repository: GitRepository;
let runId: number;
beforeAll(async () => {
  farm = await Farm.start({ controllers: 2, agents: 1 });
  ({ repository, runId } = await pushWorkflow(farm, WORKFLOW, { name: "me/app" }));
  await repository.git("remote", "add", "farm", `${farm.url}/git/me/app.git`);
});
afterAll(() => farm?.stop());

const windrow = (...args: string[]) => runWindrow(farm, args, { cwd: repository.dir });
const json = async (...args: string[]) => JSON.parse((await windrow(...args, "--json")).out.toString());

test("a run that a push made can be watched, listed, looked at, and its log read byte for byte", async () => {
  const watched = await windrow("run", "watch", String(runId));
  expect([watched.code, watched.err]).toEqual([0, ""]);
  expect(watched.out.toString()).toMatch(/^job check: step 2 "Look" succeeded in \d+s$/m);
  expect(watched.out.toString()).toMatch(/\nrun #\d+: succeeded in \d+s\n$/);
  expect(await json("run", "list")).toMatchObject({
    items: [{ id: runId, repository: "me/app", conclusion: "success" }],
  });
  expect((await windrow("run", "view", "latest")).out.toString()).toMatch(/✓ check +succeeded/);
  const logged = await windrow("run", "logs", String(runId), "--step", "1");
  expect(logged.out.toString()).toContain("HEAD is now at");
});

describe("windrow try", () => {
  test("builds untracked files, too, says why it failed, and touches neither index nor branch", async () => {
    writeFileSync(join(repository.dir, "broken"), "yes\n");
    const before = {
      index: readFileSync(join(repository.dir, ".git", "index")),
      status: (await repository.git("status", "--porcelain")).stdout,
      refs: (await repository.git("for-each-ref")).stdout,
    };
    const tried = await windrow("try");
    expect(tried.code).toBe(1);
    expect(tried.out.toString()).toContain("check | broken\n");
    expect(tried.out.toString()).toMatch(/job check: step 2 "Look" failed in \d+s: exit code 1\n/);
    expect({
      index: readFileSync(join(repository.dir, ".git", "index")),
      status: (await repository.git("status", "--porcelain")).stdout,
      refs: (await repository.git("for-each-ref")).stdout,
    }).toEqual(before);
    expect(await json("run", "list", "-n", "1")).toMatchObject({
      items: [{ scope: "try", branch: "main", conclusion: "failure" }],
    });
  });
  test("with --detach prints the run and leaves", async () => {
    const tried = await windrow("try", "ci.yml", "--detach");
    expect(tried.code).toBe(0);
    const id = /^#(\d+) {2}CI {2}http/.exec(tried.out.toString())?.[1];
    await farm.waitRunFinished(Number(id));
  });
  test("of a workflow that is not there is refused by name", async () => {
    const tried = await windrow("try", "nothing.yml");
    expect(tried.code).toBe(5);
    expect(tried.err).toContain("nothing.yml");
  });
});

test("a watcher goes on at the other controller when one dies: no line lost, none doubled", async () => {
  const marker = new Marker();
  const { runId: id } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  count:
    runs-on: linux
    steps:
      - run: |
          seq 1 500
          ${marker.openLine("half")}
          ${marker.waitLine("killed")}
          seq 501 1000
`,
  );
  const watch = startWindrow(farm, ["run", "watch", String(id)], { cwd: repository.dir });
  await waitFor("the first half of the log", () => watch.out().includes("count | 500\n"));
  await farm.controllers[0]?.child.kill();
  marker.open("killed");
  const { code, out } = await watch.ended;
  const numbers = [...out.toString().matchAll(/^count \| (\d+)$/gm)].map(([, number]) => Number(number));
  expect(numbers).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  expect(code).toBe(0);
  await farm.startController(0);
});

test("a run that is started, interrupted and cancelled: 130 for who stopped looking, 2 for who saw it cancelled", async () => {
  const marker = new Marker();
  const slow = await pushWorkflow(
    farm,
    `
on: push
jobs:
  wait:
    runs-on: linux
    steps:
      - run: ${marker.openLine("began")}; ${marker.waitLine("never")}
`,
  );
  const leaving = startWindrow(farm, ["run", "watch", String(slow.runId)], { cwd: repository.dir });
  const staying = startWindrow(farm, ["run", "watch", String(slow.runId)], { cwd: repository.dir });
  await waitFor(
    "both to see it run",
    () => leaving.out().includes("running on") && staying.out().includes("running on"),
  );
  leaving.signal("SIGINT");
  const left = await leaving.ended;
  expect([left.code, left.err]).toEqual([130, expect.stringContaining(`windrow run cancel ${slow.runId}`)]);
  expect((await windrow("run", "cancel", String(slow.runId), "-m", "enough")).code).toBe(0);
  expect((await staying.ended).code).toBe(2);
  expect((await windrow("run", "view", String(slow.runId))).out.toString()).toContain("by admin: enough");
});

test("agents are drained, resumed and removed; doctor sees what is wrong", async () => {
  expect((await windrow("agent", "drain", "agent-1", "-m", "update")).code).toBe(0);
  expect(await json("agent", "list")).toMatchObject({
    items: [{ name: "agent-1", state: "draining", drain_reason: "update" }],
  });
  expect((await windrow("agent", "resume", "agent-1")).code).toBe(0);
  // a test's database may lose what it committed, and doctor says so; nothing else is wrong
  const doctor = await windrow("doctor", "--json");
  expect(doctor.code).toBe(1);
  const { checks } = JSON.parse(doctor.out.toString());
  expect(checks.filter((check: { state: string }) => check.state === "failed")).toMatchObject([{ name: "durability" }]);
  expect((await windrow("agent", "remove", "agent-1")).code).toBe(0);
  expect((await windrow("agent", "view", "agent-1")).code).toBe(5);
});

test("a token that is revoked ends with 4", async () => {
  const { secret } = await json("token", "create", "bob", "--role", "reader");
  expect((await windrow("run", "list", "--token", secret)).code).toBe(0);
  expect((await windrow("run", "cancel", String(runId), "--token", secret)).code).toBe(4);
  expect((await windrow("token", "revoke", "bob")).code).toBe(0);
  expect((await windrow("run", "list", "--token", secret)).code).toBe(4);
});
