import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Run } from "@windrow/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTokenSecret } from "../src/http-api/token-secret.ts";
import { type Edge, startEdge } from "./edge-kit.ts";

const CI = `name: ci
on: push
jobs:
  build:
    runs-on: linux
    steps:
      - run: make
  test:
    needs: build
    runs-on: linux
    strategy:
      matrix:
        v: [1, 2]
    steps:
      - run: make test
`;
const WORKFLOW = ".windrow/workflows/ci.yml";
const job = (body: string): string => `on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n      - ${body}\n`;

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge();
  token = await edge.makeToken();
  await edge.addAgent(["linux"]);
});
afterAll(() => edge.stop());

const runsOf = (name: string) =>
  edge.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .selectAll("runs")
    .where("repositories.name", "=", name)
    .orderBy("runs.id")
    .execute();

const refsOf = async (name: string): Promise<string> => {
  const tree = await edge.makeWorkTree({});
  const remote = `${edge.url.replace("://", `://t:${token}@`)}/git/me/${name}.git`;
  return (await tree.git("ls-remote", remote)).stdout;
};

describe("a push", () => {
  it("creates the repository, starts a run with its jobs, and prints its address", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token, name: "first" });
    expect(pushed.code, pushed.stderr).toBe(0);
    const [run] = await runsOf("first");
    expect(pushed.stderr).toContain(`run #${run?.id} of ci started`);
    expect(pushed.stderr).toContain(`${edge.url}/runs/${run?.id}`);
    expect(run).toMatchObject({
      state: "running",
      event_name: "push",
      ref: "refs/heads/main",
      title: "first",
      number: 1,
    });
    const jobs = await edge.db
      .selectFrom("jobs")
      .select(["key", "name", "state"])
      .where("run_id", "=", run?.id ?? 0)
      .orderBy("id")
      .execute();
    expect(jobs).toEqual([
      { key: "build", name: "build", state: "queued" },
      { key: "test", name: "test (1)", state: "blocked" },
      { key: "test", name: "test (2)", state: "blocked" },
    ]);
    const clone = await tree.git("clone", "-q", `${edge.url.replace("://", `://t:${token}@`)}/git/first.git`, "copy");
    expect(clone.code, clone.stderr).toBe(0);
    // pushing it again changes nothing and starts nothing
    const again = await tree.push({ token, name: "first" });
    expect(again.stderr).toContain("Everything up-to-date");
    expect(await runsOf("first")).toHaveLength(1);
  });

  it("of several branches and a tag starts what `on:` says for each", async () => {
    const on = "on:\n  push:\n    branches: [main]\n    tags: ['v*']\n";
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI.replace("on: push\n", on) });
    await tree.git("branch", "feature");
    await tree.git("tag", "-a", "v1", "-m", "one");
    await tree.git("tag", "other");
    const pushed = await tree.push({ token, name: "refs", refspecs: ["main", "feature", "v1", "other"] });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect((await runsOf("refs")).map((run) => [run.ref, run.scope])).toEqual(
      expect.arrayContaining([
        ["refs/heads/main", "branch"],
        ["refs/tags/v1", "tag"],
      ]),
    );
    expect(await runsOf("refs")).toHaveLength(2);
    expect(pushed.stderr).toContain(
      "nothing to build: .windrow/workflows/ci.yml: 'feature' matches none of 'branches'",
    );
    const sha = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    // an annotated tag is built as the commit it names
    expect((await runsOf("refs")).map((run) => run.sha)).toEqual([sha, sha]);
    const deleted = await tree.push({ token, name: "refs", refspecs: [":feature"] });
    expect(deleted.code, deleted.stderr).toBe(0);
    expect(deleted.stderr).toContain("refs/heads/feature was deleted, which starts nothing");
  });

  it("asks for changed paths only when a filter does, and follows them", async () => {
    const on = "on:\n  push:\n    paths: ['src/**']\n";
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI.replace("on: push\n", on), "src/a": "1" });
    await tree.push({ token, name: "paths" });
    await tree.commit({ readme: "2" });
    const without = await tree.push({ token, name: "paths" });
    expect(without.stderr).toContain("no changed file matches 'paths'");
    await tree.commit({ "src/a": "2" });
    await tree.push({ token, name: "paths" });
    expect(await runsOf("paths")).toHaveLength(2);
  });

  it("of many megabytes goes through as it is, and comes back so", async () => {
    const tree = await edge.makeWorkTree({ readme: "big" });
    const bytes = randomBytes(6 * 1024 * 1024);
    await writeFile(join(tree.dir, "big.bin"), bytes);
    await tree.commit({});
    const pushed = await tree.push({ token, name: "big" });
    expect(pushed.code, pushed.stderr).toBe(0);
    const clone = await tree.git("clone", "-q", `${edge.url.replace("://", `://t:${token}@`)}/git/big.git`, "copy");
    expect(clone.code, clone.stderr).toBe(0);
    expect((await readFile(join(tree.dir, "copy", "big.bin"))).equals(bytes)).toBe(true);
  });

  it("brings a hosted repository back whose folder is gone", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    await tree.push({ token, name: "gone" });
    await rm(join(edge.dataDir, "git/me/gone.git"), { recursive: true });
    const pushed = await tree.push({ token, name: "gone" });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(await refsOf("gone")).toContain("refs/heads/main");
  });

  it("without any workflow file says why nothing is built", async () => {
    const tree = await edge.makeWorkTree({ readme: "hello" });
    const pushed = await tree.push({ token, name: "none" });
    expect(pushed.code).toBe(0);
    expect(pushed.stderr).toContain(
      "nothing to build: there is no workflow file in .windrow/workflows or .github/workflows",
    );
  });

  it("prefers .windrow/workflows over .github/workflows", async () => {
    const tree = await edge.makeWorkTree({ ".github/workflows/old.yml": CI, ".windrow/workflows/new.yaml": CI });
    await tree.push({ token, name: "both" });
    expect((await runsOf("both")).map((run) => run.workflow_path)).toEqual([".windrow/workflows/new.yaml"]);
  });

  it("names the labels that no agent has, and the job waits", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI.replace("runs-on: linux", "runs-on: [linux, gpu]") });
    const pushed = await tree.push({ token, name: "gpu" });
    expect(pushed.stderr).toContain("job 'build' waits: no agent has the label gpu: 0 of 1");
    expect(pushed.stderr).toContain("hint: join an agent with it, or change runs-on of job 'build' in");
    const [run] = await runsOf("gpu");
    const view = await edge.json<Run>("GET", `/api/v1/runs/${run?.id}`, { token });
    expect(view).toMatchObject({ state: "running", has_started: false });
    const basic = Buffer.from(`me:${token}`).toString("base64");
    const page = await fetch(`${edge.url}/runs/${run?.id}`, { headers: { authorization: `Basic ${basic}` } });
    expect(await page.text()).toContain('<span class="state queued">queued</span></h1>');
    expect(view.jobs[0]?.waiting_for).toBe("no agent has the label gpu: 0 of 1");
    expect(view.jobs[1]?.waiting_for).toBe("it needs 'build', which has not started");
  });

  it("by windrow try builds in a scope of its own and leaves no branch behind", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({
      token,
      name: "tried",
      args: ["-o", "try=ci", "-o", "try-ref=feature"],
      refspecs: ["HEAD:refs/windrow/try/abc"],
    });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(await runsOf("tried")).toMatchObject([{ scope: "try", ref: "refs/heads/feature" }]);
    expect(await refsOf("tried")).toBe("");
    const own = await tree.push({ token, name: "tried", refspecs: ["HEAD:refs/windrow/other"] });
    expect(own.code).not.toBe(0);
    expect(own.stderr).toContain("refs/windrow/other is one of the farm's own refs");
  });
});

describe("a push with a broken workflow file succeeds and prints where it is broken:", () => {
  const needs = (first: string, second: string): string =>
    `on: push\njobs:\n  a:\n    needs: ${first}\n    runs-on: x\n    steps: [{run: a}]\n  b:\n    needs: ${second}\n    runs-on: x\n    steps: [{run: b}]\n`;
  const many = (): string => {
    const v = `[${Array.from({ length: 255 }, (_, at) => at).join(", ")}]`;
    const one = (at: number): string =>
      `  j${at}:\n    runs-on: x\n    strategy:\n      matrix:\n        v: ${v}\n    steps: [{run: a}]\n`;
    return `on: push\njobs:\n${Array.from({ length: 8 }, (_, at) => one(at)).join("")}`;
  };
  it.each([
    ["YAML", "on: push\njobs: {a: [}\n", /ci\.yml:2:\d+: error: /],
    ["an unknown key", job("run: a\n        surprise: 1"), /ci\.yml:7:9: error: .*surprise/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the workflow language's own
    ["an expression", job("run: echo ${{ github.sha == }}"), /ci\.yml:6:\d+: error: /],
    ["needs in a circle", needs("b", "a"), /ci\.yml:\d+:\d+: error: .*needs/],
    [
      "more than 512 KiB",
      `# ${"x".repeat(600 * 1024)}\n${CI}`,
      /ci\.yml:1:1: error: the file has 601 KiB; the limit is 512 KiB/,
    ],
    ["more than 2,000 jobs", many(), /ci\.yml:\d+:\d+: error: .*2000 jobs/],
  ])("%s", async (what, text, expected) => {
    const name = what.replace(/\W+/g, "-");
    const tree = await edge.makeWorkTree({ [WORKFLOW]: text });
    const pushed = await tree.push({ token, name });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(pushed.stderr).toMatch(/run #\d+ of \S+ cannot start/);
    expect(pushed.stderr).toMatch(expected);
    const [run] = await runsOf(name);
    expect(run).toMatchObject({ state: "finished", conclusion: "failure" });
    expect(run?.diagnostics[0]).toMatchObject({ file: WORKFLOW, severity: "error" });
    expect(await refsOf(name)).toContain("refs/heads/main");
  });
});

it("a broken workflow file that asks for other pushes makes no run", async () => {
  const broken = job("run: a\n        surprise: 1").replace("on: push", "on: {push: {tags: [v*]}}");
  const tree = await edge.makeWorkTree({ [WORKFLOW]: broken });
  const pushed = await tree.push({ token, name: "broken-elsewhere" });
  expect(pushed.code, pushed.stderr).toBe(0);
  expect(pushed.stderr).toContain(`nothing to build: ${WORKFLOW}`);
  expect(await runsOf("broken-elsewhere")).toEqual([]);
  await tree.git("tag", "v1");
  const tagged = await tree.push({ token, name: "broken-elsewhere", refspecs: ["v1"] });
  expect(tagged.stderr).toMatch(/run #\d+ of \S+ cannot start/);
});

describe("a job's own token", () => {
  it("reads the job's repository while the attempt runs, and nothing else", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    await tree.push({ token, name: "job-own" });
    await tree.push({ token, name: "job-other" });
    const jobToken = createTokenSecret("wrt");
    const [run] = await runsOf("job-own");
    const { id: jobId } = await edge.db
      .selectFrom("jobs")
      .select("id")
      .where("run_id", "=", run?.id ?? 0)
      .orderBy("id")
      .limit(1)
      .executeTakeFirstOrThrow();
    const agent = await edge.db.selectFrom("agents").select("id").executeTakeFirstOrThrow();
    const now = new Date();
    await edge.db
      .insertInto("attempts")
      .values({
        id: randomUUID(),
        job_id: jobId,
        no: 1,
        agent_id: agent.id,
        pool: "default",
        lease_id: randomUUID(),
        session_no: 1,
        state: "running",
        offer_until: now,
        lease_until: now,
        started_at: now,
        job_token_hash: jobToken.hash,
      })
      .execute();
    const remote = (name: string) => `${edge.url.replace("://", `://job:${jobToken.secret}@`)}/git/me/${name}.git`;
    const own = await tree.git("fetch", remote("job-own"), run?.sha ?? "");
    expect(own.code, own.stderr).toBe(0);
    expect((await tree.git("ls-remote", remote("job-other"))).stderr).toContain("there is no repository me/job-other");
    await tree.commit({ more: "1" });
    expect((await tree.git("push", remote("job-own"), "main")).stderr).toContain("may only read its repository");
    expect((await edge.api("GET", "/api/v1/runs", { token: jobToken.secret })).status).toBe(403);
    await edge.db
      .updateTable("attempts")
      .set({ state: "lost", finished_at: now })
      .where("job_id", "=", jobId)
      .execute();
    expect((await tree.git("ls-remote", remote("job-own"))).stderr).toMatch(/Authentication failed|the token is wrong/);
  });
});

describe("a push is refused, and the repository unchanged, with", () => {
  it("a wrong token", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token: "wru_wrongwrongwrongwrongwrong", name: "secret" });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toMatch(/Authentication failed|the token is wrong/);
    expect(existsSync(join(edge.dataDir, "git/me/secret.git"))).toBe(false);
  });

  it("a token that may only read", async () => {
    const reader = await edge.makeToken({ role: "reader" });
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token: reader, name: "read-only" });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain("this token may not do that");
    expect(existsSync(join(edge.dataDir, "git/me/read-only.git"))).toBe(false);
  });

  it("another owner's name", async () => {
    const bound = await edge.makeToken({ owner: "team" });
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token: bound, name: "me/theirs" });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain("this token may not push to me/theirs");
    // and it finds nothing of others
    const found = await tree.git("ls-remote", `${edge.url.replace("://", `://t:${bound}@`)}/git/me/first.git`);
    expect(found.stderr).toContain("there is no repository me/first");
  });

  it.each(["-dash", "a..b", ".hidden", "a%20b", "x".repeat(101), "a%2fb%2fc", "a.git.git", "%2e%2e"])(
    "the name %s",
    async (name) => {
      const before = await readdir(join(edge.dataDir, "git/me"));
      const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
      const pushed = await tree.push({ token, name });
      expect(pushed.code).not.toBe(0);
      expect(pushed.stderr).toMatch(/is not a name a repository|there is nothing here/);
      expect(await readdir(join(edge.dataDir, "git/me"))).toEqual(before);
    },
  );

  it("a branch of 300 characters", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const long = "b".repeat(300);
    const pushed = await tree.push({ token, name: "long", refspecs: [`main:refs/heads/${long}`] });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain("the limit is 255 bytes");
    expect(existsSync(join(edge.dataDir, "git/me/long.git"))).toBe(false);
    await tree.push({ token, name: "long" });
    const refs = await refsOf("long");
    await tree.push({ token, name: "long", refspecs: [`main:refs/heads/${long}`] });
    expect(await refsOf("long")).toBe(refs);
    expect(await runsOf("long")).toHaveLength(1);
  });

  it("no commit", async () => {
    const tree = await edge.makeWorkTree({});
    const pushed = await tree.push({ token, name: "empty" });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain("src refspec main does not match any");
    expect(existsSync(join(edge.dataDir, "git/me/empty.git"))).toBe(false);
    const answer = await fetch(`${edge.url}/git/me/empty.git/git-receive-pack`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/x-git-receive-pack-request",
      },
      body: "00000000",
    });
    await answer.text();
    expect(answer.status).toBe(200);
    expect(existsSync(join(edge.dataDir, "git/me/empty.git"))).toBe(false);
  });

  it("more than a thousand refs", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const refspecs = Array.from({ length: 1_001 }, (_, at) => `main:refs/heads/b${at}`);
    const pushed = await tree.push({ token, name: "many", refspecs });
    expect(pushed.stderr).toContain("more than 1000 refs in one push");
    expect(existsSync(join(edge.dataDir, "git/me/many.git"))).toBe(false);
  });
});
