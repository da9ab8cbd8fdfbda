import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOffline } from "./run-offline.ts";
import { sampleAgent } from "./samples.ts";
import { type StubFarm, sendJson, startStubFarm } from "./stub-farm.ts";

const CI = `name: CI
on:
  push:
    branches: [main]
  pull_request:
  workflow_dispatch:
    inputs:
      target: { type: choice, options: [staging, production], default: staging }
jobs:
  build:
    name: build on \${{ matrix.os }}
    strategy:
      matrix:
        os: [linux, gpu]
        level: [1, 2]
        exclude: [{ os: gpu, level: 2 }]
    runs-on: [self-hosted, "\${{ matrix.os }}"]
    steps: [{ run: make }]
  publish:
    needs: build
    if: github.ref_type == 'tag'
    runs-on: linux
    steps: [{ run: make publish }]
  tell:
    needs: publish
    runs-on: linux
    steps: [{ run: make tell }]
  deploy:
    if: github.event_name == 'workflow_dispatch'
    uses: ./.github/workflows/deploy.yml
    with: { place: "\${{ inputs.target }}" }
`;
const DEPLOY = `on:
  workflow_call:
    inputs: { place: { type: string, required: true } }
jobs:
  ship:
    name: ship to \${{ inputs.place }}
    runs-on: linux
    steps: [{ run: make ship }]
`;

let folder: string;
let farm: StubFarm;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "windrow-plan-"));
  write("ci.yml", CI);
  write("deploy.yml", DEPLOY);
  write("lost.yml", CI.replace("deploy.yml", "lost-file.yml"));
  write("broken.yml", CI.replace("needs: build", "needs: biuld"));
  write(
    "opened.json",
    JSON.stringify({ action: "opened", number: 4, pull_request: { head: { ref: "x" }, base: { ref: "main" } } }),
  );
  write("list.json", "[]");
  farm = await startStubFarm(({ path: target }, response) => {
    if (target.startsWith("/api/v1/agents")) {
      const labels = ["self-hosted", "linux", "ubuntu-latest"];
      const agents = [
        sampleAgent({ effective_labels: labels }),
        sampleAgent({ name: "b", pool: "big", effective_labels: ["self-hosted", "gpu"] }),
        sampleAgent({ name: "gone", pool: "gone", effective_labels: labels, state: "removed" }),
      ];
      return sendJson(response, { items: agents, next_cursor: null });
    }
    if (target === "/api/v1/variables?repository=me%2Fapp&effective=true") {
      const of = { owner: null, repository: null, updated_by: "me", updated_at: "2030-01-01T00:00:00.000Z" };
      return sendJson(response, { items: [{ name: "WHERE", value: "gpu", ...of }], next_cursor: null });
    }
    sendJson(response, { code: "not_found" }, 404);
  });
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  mkdirSync(path.join(folder, ".github/workflows"), { recursive: true });
  writeFileSync(path.join(folder, ".github/workflows", name), text);
}

interface Job {
  readonly id: string;
  readonly name: string;
  readonly skipped_because: string | null;
  readonly runs_on: string[] | null;
  readonly pools: string[] | null;
}

async function plan(line: string, environment: Record<string, string> = {}) {
  const args = ["plan", ...line.split(" ")].map((one) => one.replace("@", path.join(folder, ".github/workflows/")));
  const ended = await runOffline([...args], { cwd: folder, environment });
  const json = line.includes("--json") && ended.out !== "" ? JSON.parse(ended.out) : undefined;
  return { ...ended, json, jobs: (json?.jobs ?? []) as Job[] };
}

const running = (jobs: readonly Job[]) => jobs.filter((job) => job.skipped_because === null).map((job) => job.name);
const skipped = (jobs: readonly Job[]) =>
  Object.fromEntries(jobs.flatMap((job) => (job.skipped_because === null ? [] : [[job.id, job.skipped_because]])));

describe("without a farm", () => {
  test("every job that would run stands there after expansion, and why others are skipped", async () => {
    const { code, jobs, json } = await plan("@ci.yml --ref refs/heads/main --json");
    expect(code).toBe(0);
    expect(jobs.slice(0, 3)).toMatchObject([
      {
        id: "build (1)",
        name: "build on linux",
        matrix: { os: "linux", level: 1 },
        runs_on: ["self-hosted", "linux"],
        needs: [],
        if: null,
      },
      { id: "build (2)", matrix: { os: "linux", level: 2 } },
      { id: "build (3)", matrix: { os: "gpu", level: 1 }, runs_on: ["self-hosted", "gpu"], pools: null },
    ]);
    expect(skipped(jobs)).toEqual({
      publish: "its condition is false: github.ref_type == 'tag'",
      tell: "it needs 'publish', which would not run",
      deploy: "its condition is false: github.event_name == 'workflow_dispatch'",
    });
    expect(json).toMatchObject({ starts: true, farm: null, diagnostics: [] });
    for (const job of jobs) {
      expect(Object.keys(job)).toEqual(
        expect.arrayContaining(["id", "name", "matrix", "runs_on", "needs", "if", "skipped_because"]),
      );
    }
  });

  test("a workflow that does not start says why, for every job", async () => {
    const { code, jobs, json } = await plan("@ci.yml --ref other --json");
    expect([code, running(jobs), json.starts]).toEqual([0, [], false]);
    expect(json.not_started_because).toContain("'other'");
    expect(jobs[0]?.skipped_because).toContain("the workflow does not start");
  });

  test("a called workflow of the repository is read from its file, with its inputs", async () => {
    const { jobs } = await plan("@ci.yml --event workflow_dispatch --input target=production --json");
    expect(jobs.filter((job) => job.id.startsWith("deploy"))).toMatchObject([
      { id: "deploy", uses: "./.github/workflows/deploy.yml", runs_on: null },
      { id: "deploy / ship", name: "ship to production", runs_on: ["linux"] },
    ]);
  });

  test("an event's document from a file is what github.event is", async () => {
    const { json, jobs } = await plan("@ci.yml --event pull_request --payload @opened.json --json");
    expect(json).toMatchObject({ ref: "refs/pull/4/merge", starts: true });
    expect(running(jobs)).toHaveLength(3);
    write("closed.json", JSON.stringify({ action: "closed", pull_request: { base: { ref: "main" } } }));
    const closed = await plan("@ci.yml --event pull_request --payload @closed.json --json");
    expect(closed.json.not_started_because).toContain("'closed' is none of the types");
  });

  test("changed paths of a push's document decide its path filters", async () => {
    write("paths.yml", "on: {push: {paths: ['src/**']}}\njobs: {a: {runs-on: linux, steps: [{run: make}]}}\n");
    const push = (modified: string[]) => JSON.stringify({ ref: "refs/heads/main", commits: [{ added: [], modified }] });
    write("docs.json", push(["docs/a.md"]));
    write("src.json", push(["docs/a.md", "src/a.ts"]));
    expect((await plan("@paths.yml --payload @docs.json --json")).json).toMatchObject({
      starts: false,
      not_started_because: "no changed file matches 'paths'",
    });
    expect((await plan("@paths.yml --payload @src.json --json")).json).toMatchObject({ starts: true });
    expect((await plan("@paths.yml --json")).json).toMatchObject({ starts: true });
  });

  test("a bare name is that of a workflow of this repository", async () => {
    const ended = await runOffline(["plan", "ci.yml", "--ref", "main"], { cwd: folder });
    expect(ended.out).toContain("CI  .github/workflows/ci.yml for push of refs/heads/main\n");
    expect((await runOffline(["plan", "none.yml"], { cwd: folder })).code).toBe(5);
  });

  test("a table for people says that pools are not shown", async () => {
    const { out, err } = await plan("@ci.yml --ref main");
    expect(out).toContain("CI  .github/workflows/ci.yml for push of refs/heads/main\n");
    expect(out).toMatch(/\nbuild on gpu +✓ runs +self-hosted, gpu\n/);
    expect(out).toMatch(/\npublish +⊘ skipped +build +its condition is false/);
    expect(out).toContain("\n3 jobs would run, 3 would not; pools are not shown: no farm is configured\n");
    expect(err).toBe("");
  });
});

test("on a narrow terminal no line is wider than it, and reasons that were cut stand below in full", async () => {
  const args = ["plan", path.join(folder, ".github/workflows/ci.yml"), "--ref", "main"];
  const terminal = { columns: 80, rows: 24 };
  const { out } = await runOffline(args, { cwd: folder, environment: { NO_COLOR: "1" }, terminal });
  expect(out.split("\n").filter((line) => line.length > 80 && !line.includes("for push of"))).toEqual([]);
  expect(out).toMatch(/\ndeploy: its condition is false: github.event_name ==\s+'workflow_dispatch'\n/);
});

describe("with a farm", () => {
  test("the pools are named that have an agent with every label", async () => {
    const { jobs, json } = await plan("@ci.yml --ref main --json", { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t" });
    expect(json.farm).toBe(farm.url);
    expect(jobs.slice(0, 3).map((job) => job.pools)).toEqual([["default"], ["default"], ["big"]]);
  });
  test("it is said how many jobs would wait for an agent that nobody has", async () => {
    write("mac.yml", "on: push\njobs: {a: {runs-on: mac, steps: [{run: x}]}, b: {runs-on: mac, steps: [{run: x}]}}\n");
    const { out } = await plan("@mac.yml --ref main", { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t" });
    expect(out).toContain("2 jobs would run; all of them would wait, because no agent of ");
  });
  test("its variables are what vars has, unless --var says otherwise", async () => {
    write("vars.yml", `on: push\njobs: {a: {runs-on: ["\${{ vars.WHERE || 'nowhere' }}"], steps: [{run: make}]}}\n`);
    const environment = { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t" };
    expect((await plan("@vars.yml -R me/app --json", environment)).jobs[0]?.runs_on).toEqual(["gpu"]);
    expect((await plan("@vars.yml -R me/app --var WHERE=linux --json", environment)).jobs[0]?.runs_on).toEqual([
      "linux",
    ]);
    expect((await plan("@vars.yml -R you/other --json", environment)).jobs[0]?.runs_on).toEqual(["nowhere"]);
  });
  test("a farm that is away is said, and the plan is there all the same", async () => {
    const { code, out } = await plan("@ci.yml --ref main", { WINDROW_URL: "http://127.0.0.1:1" });
    expect(code).toBe(0);
    expect(out).toContain("pools are not shown: ");
  });
});

describe("what is wrong", () => {
  test("in the file is shown as lint shows it, and ends with 1", async () => {
    const ended = await plan("@broken.yml");
    expect([ended.code, ended.out]).toEqual([1, ""]);
    expect(ended.err).toContain("broken.yml:20:12: error: ");
    expect(ended.err).toContain("20 |     needs: biuld\n");
  });
  test("with a called file has its place", async () => {
    const { code, json } = await plan("@lost.yml --ref main --json");
    expect(code).toBe(1);
    expect(json.diagnostics).toMatchObject([
      { code: "unknown-workflow", message: expect.stringContaining("lost-file.yml") },
    ]);
  });
  test.each([
    ["@ci.yml --event workflow_dispatch --input target=mars", 3, "target"],
    ["@ci.yml --event workflow_dispatch --input nothing=1", 3, "there is no input 'nothing'"],
    ["@ci.yml --input target=staging", 3, "push has no inputs"],
    ["@ci.yml --payload @list.json", 3, "is not a JSON object"],
    ["@ci.yml --payload @ci.yml", 3, "is not JSON"],
    ["@ci.yml --payload @nothing.json", 3, "cannot be read (ENOENT)"],
    ["@nothing.yml", 5, "there is no file"],
  ])("windrow plan %s ends with %d", async (line, code, message) => {
    const ended = await plan(line);
    expect(ended.err).toContain(message);
    expect([ended.code, ended.out]).toEqual([code, ""]);
  });
});
