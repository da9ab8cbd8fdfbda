import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { runWindrow } from "../kit/windrow-command.ts";

const WORKFLOW = `
name: CI
on:
  push:
    tags: [never]
  pull_request:
    branches: [main]
  workflow_dispatch:
    inputs:
      target: { type: choice, options: [staging, production], default: staging }
      loud: { type: boolean, default: false }
jobs:
  say:
    runs-on: linux
    steps:
      - env:
          PLACE: \${{ vars.PLACE }}
          TARGET: \${{ inputs.target }}
          LOUD: \${{ inputs.loud }}
          TITLE: \${{ github.event.pull_request.title }}
          BASE: \${{ github.base_ref }}
        run: echo "place=$PLACE target=$TARGET loud=$LOUD title=$TITLE base=$BASE event=$GITHUB_EVENT_NAME ref=$GITHUB_REF"
`;

let farm: Farm;
let repository: GitRepository;
beforeAll(async () => {
  farm = await Farm.start({ controllers: 1, agents: 1 });
  const first = WORKFLOW.replace("tags: [never]", "branches: [main]");
  ({ repository } = await pushWorkflow(farm, first, { name: "me/app" }));
  await repository.git("remote", "add", "farm", `${farm.url}/git/me/app.git`);
});
afterAll(() => farm?.stop());

const windrow = (...args: string[]) => runWindrow(farm, args, { cwd: repository.dir });
const text = async (...args: string[]) => {
  const ended = await windrow(...args);
  expect(ended.err + ended.out.toString(), args.join(" ")).not.toContain("error:");
  return ended.out.toString();
};

test("variables of three levels reach the jobs, the narrowest first", async () => {
  await text("variable", "set", "PLACE", "farm");
  await text("variable", "set", "place", "owner", "--owner", "me");
  await text("variable", "set", "PLACE", "repository", "-R", "me/app");
  expect(await text("variable", "list", "-R", "me/app", "--effective")).toMatch(/\nPLACE +me\/app .*repository\n/);
  expect(await text("run", "start", "--wait", "--ref", "main")).toContain("place=repository target=staging loud=false");
  await text("variable", "delete", "PLACE", "-R", "me/app");
  expect(await text("run", "start", "--wait", "--ref", "main")).toContain("place=owner ");
});

test("a start by hand gives typed inputs, and is told what is wrong with them", async () => {
  const said = await text("run", "start", "--ref", "main", "-i", "target=production", "-i", "loud=true", "--wait");
  expect(said).toContain("target=production loud=true");
  const wrong = await windrow("run", "start", "--ref", "main", "-i", "target=mars");
  expect(wrong.code).not.toBe(0);
  expect(wrong.err).toContain("target");
});

test("any event can be tried on the working tree, with its document", async () => {
  mkdirSync(join(repository.dir, "events"));
  const pull = { number: 7, title: "Mend it", head: { ref: "mend" }, base: { ref: "main" } };
  const file = join(repository.dir, "events/opened.json");
  writeFileSync(file, JSON.stringify({ action: "opened", number: 7, pull_request: pull }));
  const tried = await text("try", "--event", "pull_request", "--payload", file);
  expect(tried).toContain("title=Mend it base=main event=pull_request ref=refs/pull/7/merge");
  // made up where nobody gives it
  expect(await text("try", "--event", "pull_request")).toContain("base=main event=pull_request");
  const other = await windrow("try", "--event", "release");
  expect(other.code).not.toBe(0);
  expect(other.err).toContain("release");
});

test("a plan names the pool that would run a job", async () => {
  const file = join(repository.dir, ".windrow/workflows/ci.yml");
  const planned = await text("plan", file, "--event", "workflow_dispatch", "-i", "loud=true");
  expect(planned).toMatch(/\nsay +✓ runs +linux +default\n/);
  expect(planned).toContain("1 job would run");
});

test("a repository without a workflow file is built by the usual workflow of its language", async () => {
  const project = await GitRepository.create({
    "package.json": JSON.stringify({ name: "app", version: "1.0.0", scripts: { test: "node test.mjs" } }),
    "test.mjs": "console.log('tested', 6 * 7);\n",
  });
  const url = `${farm.url}/git/me/usual.git`;
  const pushed = await project.push({ url, token: farm.adminToken, pushOptions: ["wait"] });
  expect(pushed.stderr).toContain("what runs is the usual workflow of a node project");
  expect(pushed.stderr).toMatch(/run #\d+: success/);
  await project.git("remote", "add", "farm", url);
  const written = await runWindrow(farm, ["init"], { cwd: project.dir });
  expect(written.out.toString()).toBe(".windrow/workflows/ci.yml\n");
  const tried = await runWindrow(farm, ["try"], { cwd: project.dir });
  expect([tried.code, tried.out.toString()]).toEqual([0, expect.stringContaining("tested 42")]);
});
