import type { RunSummary } from "@windrow/contract";
import { createLogger } from "@windrow/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFolder } from "../src/git/repository-folder.ts";
import { findPushChanges } from "../src/intake/changed-paths.ts";
import { startFollowers } from "../src/intake/start-followers.ts";
import { startScheduled } from "../src/intake/start-scheduled.ts";
import { type Edge, startEdge } from "./edge-kit.ts";
import { waitFor } from "./wait-for.ts";

const logger = createLogger({ component: "test", level: "silent" });
const JOBS = "jobs: { a: { runs-on: linux, steps: [{ run: make }] } }";
const AFTER = `on: { workflow_run: { workflows: [CI], types: [completed] } }\n${JOBS}`;
const file = (name: string) => `.windrow/workflows/${name}.yml`;

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge();
  token = await edge.makeToken();
});
afterAll(() => edge.stop());

interface Started {
  readonly runs: RunSummary[];
  readonly notes: string[];
  readonly detail?: string;
}

const start = (body: object) => edge.json<Started>("POST", "/api/v1/runs", { token, body });

const runsOf = (name: string) =>
  edge.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .selectAll("runs")
    .where("repositories.name", "=", name)
    .orderBy("runs.id")
    .execute();

async function pushed(name: string, files: Readonly<Record<string, string>>) {
  const tree = await edge.makeWorkTree(files);
  const push = await tree.push({ token, name });
  expect(push.code, push.stderr).toBe(0);
  return { tree, push };
}

describe("called workflows", () => {
  it("are read from the same commit and from another repository, and stand in the run's definition", async () => {
    const called = `
on: { workflow_call: { inputs: { x: { type: string, required: true } } } }
jobs: { in: { runs-on: linux, steps: [{ run: "echo \${{ inputs.x }}" }] } }
`;
    await pushed("library", { ".github/workflows/remote.yml": called });
    const { push } = await pushed("caller", {
      [file("ci")]: `
on: push
jobs:
  local: { uses: ./.windrow/workflows/local.yml, with: { x: hi } }
  own: { uses: $/.windrow/workflows/local.yml, with: { x: hi } }
  remote: { uses: me/library/.github/workflows/remote.yml@main, with: { x: there } }
`,
      [file("local")]: called,
    });
    expect(push.stderr).toContain("started");
    const [run] = await runsOf("caller");
    expect(Object.keys(run?.definition?.called ?? {}).sort()).toEqual([
      "$/.windrow/workflows/local.yml",
      "./.windrow/workflows/local.yml",
      "me/library/.github/workflows/remote.yml@main",
    ]);
    const jobs = await edge.db
      .selectFrom("jobs")
      .select(["key", "kind", "state"])
      .where("run_id", "=", run?.id ?? 0)
      .execute();
    expect(jobs).toEqual(
      expect.arrayContaining([
        { key: "local", kind: "call", state: "running" },
        { key: "local/in", kind: "ordinary", state: "queued" },
        { key: "remote/in", kind: "ordinary", state: "queued" },
      ]),
    );
  });

  it("that cannot be called are refused at the `uses` that asks", async () => {
    const { push } = await pushed("bad-calls", {
      [file("ci")]: `
on: push
jobs:
  missing:
    uses: ./.windrow/workflows/none.yml
  closed:
    uses: ./.windrow/workflows/closed.yml
  wrong:
    uses: ./.windrow/workflows/open.yml
    with: { y: 1 }
  away:
    uses: me/nowhere/.github/workflows/x.yml@main
  circle:
    uses: ./.windrow/workflows/circle.yml
`,
      [file("closed")]: `on: workflow_dispatch\n${JOBS}`,
      [file("open")]: `on: { workflow_call: { inputs: { x: { type: string, required: true } } } }\n${JOBS}`,
      [file("circle")]: "on: workflow_call\njobs: { c: { uses: ./.windrow/workflows/circle.yml } }",
    });
    expect(push.stderr).toContain("cannot start");
    const [run] = await runsOf("bad-calls");
    expect(run?.conclusion).toBe("failure");
    const found = (run?.diagnostics ?? []).map(({ file: at, line, message }) => `${at}:${line}: ${message}`);
    expect(found).toEqual([
      expect.stringMatching(/ci\.yml:5: job 'missing': .*there is no file/),
      expect.stringMatching(/ci\.yml:7: job 'closed': .*not made to be called/),
      expect.stringMatching(/ci\.yml:9: job 'wrong': .*no input 'y'/),
      expect.stringMatching(/ci\.yml:9: job 'wrong': .*requires the input 'x'/),
      expect.stringMatching(/ci\.yml:12: job 'away': .*cannot be called/),
      expect.stringMatching(/circle\.yml:2: job 'c': .*calls itself/),
    ]);
  });

  it("may be ten levels deep, the first one counted, and fifty in all", async () => {
    const levels = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          file(`l${at}`),
          `on: [${at === 0 ? "push, " : ""}workflow_call]\n${at + 1 === count ? JOBS : `jobs: { c: { uses: ./.windrow/workflows/l${at + 1}.yml } }`}`,
        ]),
      );
    await pushed("deep", levels(10));
    expect((await runsOf("deep"))[0]?.state).toBe("running");
    await pushed("deeper", levels(11));
    expect((await runsOf("deeper"))[0]?.diagnostics).toMatchObject([{ message: expect.stringContaining("10 levels") }]);
    const many = Array.from({ length: 51 }, (_, no) => `  c${no}: { uses: ./.windrow/workflows/f${no}.yml }`);
    await pushed("many", {
      [file("ci")]: `on: push\njobs:\n${many.join("\n")}\n`,
      ...Object.fromEntries(many.map((_, no) => [file(`f${no}`), `on: workflow_call\n${JOBS}`])),
    });
    expect((await runsOf("many"))[0]?.diagnostics).toMatchObject([
      { message: expect.stringContaining("50 workflows") },
    ]);
  });
});

describe("a start with inputs", () => {
  it("takes them typed, names those that are wrong, keeps them with the run, and titles it by run-name", async () => {
    await pushed("inputs", {
      [file("ci")]: `
run-name: "deploy \${{ inputs.place }} #\${{ github.run_number }}"
on:
  workflow_dispatch:
    inputs:
      place: { type: choice, options: [here, there], required: true }
      count: { type: number, default: 2 }
      loud: { type: boolean }
${JOBS}
`,
    });
    const refused = await start({ repository: "me/inputs", workflow: "ci", inputs: { place: "moon", nope: "x" } });
    expect(refused.detail).toMatch(/'place'/);
    expect(refused.detail).toMatch(/'nope'/);
    const { runs } = await start({ repository: "me/inputs", inputs: { place: "there", loud: "true" } });
    expect(runs).toMatchObject([{ title: "deploy there #1" }]);
    const [row] = await runsOf("inputs");
    expect(row?.inputs).toEqual({ place: "there", count: 2, loud: true });
    expect(JSON.parse(row?.event_json ?? "")).toMatchObject({ inputs: { place: "there", count: "2", loud: "true" } });
  });
});

describe("repository_dispatch", () => {
  it("starts what listens to its type on the default branch, with its payload", async () => {
    await pushed("told", { [file("ci")]: `on: { repository_dispatch: { types: [built] } }\n${JOBS}` });
    const tell = (event_type: string) =>
      edge.json<Started>("POST", "/api/v1/repositories/me/told/dispatches", {
        token,
        body: { event_type, client_payload: { n: 1 } },
      });
    expect((await tell("built")).runs).toMatchObject([{ event: "repository_dispatch", ref: "refs/heads/main" }]);
    expect((await tell("other")).runs).toEqual([]);
    const [row] = await runsOf("told");
    expect(JSON.parse(row?.event_json ?? "")).toMatchObject({ action: "built", client_payload: { n: 1 } });
  });
});

describe("an event that is tried with its document", () => {
  it("of a pull request matches by base branch and changed files, and strangers' work is untrusted", async () => {
    const { tree } = await pushed("pulls", {
      [file("ci")]: `on: { pull_request: { branches: [main], paths: ["src/**"] } }\n${JOBS}`,
      "src/a": "1",
    });
    const base = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    await tree.git("checkout", "-q", "-b", "topic");
    await tree.commit({ docs: "x" });
    const docs = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    await tree.commit({ "src/a": "2" });
    const head = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    // main moves on: what it changes is not the pull request's
    await tree.git("checkout", "-q", "main");
    await tree.commit({ "src/b": "x" });
    const main = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    await tree.push({ token, name: "pulls", refspecs: ["main", "topic"] });
    const payload = (sha: string, repo: string | null = "me/pulls") => ({
      action: "opened",
      number: 7,
      pull_request: {
        head: { ref: "topic", sha, repo: repo === null ? null : { full_name: repo } },
        base: { ref: "main", sha: main, repo: { full_name: "me/pulls" } },
      },
    });
    const asked = (body: object) => start({ repository: "me/pulls", ref: "topic", event: "pull_request", ...body });
    const { runs } = await asked({ payload: payload(head) });
    expect(runs).toMatchObject([
      { event: "pull_request", ref: "refs/pull/7/merge", sha: head, scope: "try", trust: "trusted" },
    ]);
    expect((await runsOf("pulls")).at(-1)).toMatchObject({ head_ref: "topic", base_ref: "main" });
    expect((await asked({ payload: payload(docs) })).detail).toContain("paths");
    // a fork that was deleted meanwhile is no less a stranger's
    for (const fork of ["you/fork", null]) {
      expect((await asked({ payload: payload(head, fork) })).runs).toMatchObject([{ trust: "untrusted" }]);
    }
    // at any commit strangers' work calls workflows of this repository, and of no other
    await pushed("elsewhere", { [file("lib")]: `on: workflow_call\n${JOBS}` });
    await tree.git("checkout", "-q", "main");
    await tree.commit({ [file("lib")]: `on: workflow_call\n${JOBS}` });
    await tree.git("checkout", "-q", "-b", "calls");
    const calling = await tree.commit({
      [file("calls")]: `on: pull_request\njobs: { a: { uses: me/pulls/${file("lib")}@main } }`,
      [file("astray")]: `on: pull_request\njobs: { a: { uses: me/elsewhere/${file("lib")}@main } }`,
    });
    await tree.push({ token, name: "pulls", refspecs: ["main", "calls"] });
    const called = await asked({ ref: "calls", payload: payload(calling, "you/fork") });
    expect(called.runs.map((one) => [one.workflow_path, one.conclusion]).sort()).toEqual([
      [file("astray"), "failure"],
      [file("calls"), null],
    ]);
    expect(base).not.toBe(main);
    await tree.git("checkout", "-q", "topic");
    const quiet = await tree.commit({ "src/a": "3" }, "more [skip ci]");
    await tree.push({ token, name: "pulls", refspecs: ["topic"] });
    expect((await asked({ payload: payload(quiet) })).detail).toContain("[skip ci]");
  });
});

describe("what a push changed", () => {
  it("is the difference of before and after, of a new branch that since the parent of its deepest commit", async () => {
    const { tree } = await pushed("changes", { [file("ci")]: `on: push\n${JOBS}`, a: "1" });
    const first = (await tree.git("rev-parse", "HEAD")).stdout.trim();
    const second = await tree.commit({ b: "1" });
    const third = await tree.commit({ a: "2" });
    await tree.push({ token, name: "changes" });
    await tree.git("checkout", "-q", "-b", "topic", second);
    await tree.commit({ c: "1" });
    const top = await tree.commit({ d: "1" });
    await tree.push({ token, name: "changes", refspecs: ["topic"] });
    const folder = repositoryFolder(edge.environment.gitDir, { owner: "me", name: "changes" });
    const changes = (ref: string, before: string | undefined, after: string) =>
      findPushChanges({ environment: edge.environment, folder, ref, before, after });
    expect(await changes("refs/heads/main", first, third)).toEqual({ paths: ["a", "b"], commitCount: 2 });
    expect(await changes("refs/heads/topic", undefined, top)).toEqual({ paths: ["c", "d"], commitCount: 2 });
    // what a force push leaves behind counts, too
    expect((await changes("refs/heads/main", third, top))?.paths).toEqual(["a", "c", "d"]);
    expect(await changes("refs/heads/main", "1".repeat(40), top)).toBeUndefined();
    expect(await changes("refs/heads/main", undefined, first)).toBeUndefined();
  });
});

describe("branches that come and go", () => {
  it("start what asks for create and delete", async () => {
    const { tree } = await pushed("refs", {
      [file("made")]: `on: create\n${JOBS}`,
      [file("gone")]: `on: delete\n${JOBS}`,
    });
    await tree.push({ token, name: "refs", refspecs: ["main:topic"] });
    await tree.push({ token, name: "refs", refspecs: [":topic"] });
    await tree.git("tag", "v1");
    await tree.push({ token, name: "refs", refspecs: ["v1"] });
    const runs = await runsOf("refs");
    expect(runs.map((run) => [run.event_name, run.ref])).toEqual([
      ["create", "refs/heads/main"],
      ["create", "refs/heads/topic"],
      ["delete", "refs/heads/main"],
      ["create", "refs/tags/v1"],
    ]);
    expect(JSON.parse(runs[2]?.event_json ?? "")).toMatchObject({ ref: "topic", ref_type: "branch" });
  });
});

describe("schedules", () => {
  it("start once a tick though two controllers look, by the default branch's files alone, and make up for nothing", async () => {
    const other = await startEdge({ sharedWith: edge });
    try {
      const { tree } = await pushed("timed", {
        [file("ci")]: `on: { schedule: [{ cron: "30 6 * * 1" }, { cron: "* 6 * * *" }] }\n${JOBS}`,
      });
      const at = (text: string) => ({
        ...edge.intakeDeps,
        logger,
        clock: { ...edge.intakeDeps.clock, nowMs: () => Date.parse(text) },
      });
      const both = (text: string) =>
        Promise.all([
          startScheduled(at(text)),
          startScheduled({ ...at(text), ...other.intakeDeps, logger, clock: at(text).clock }),
        ]);
      // ahead of the real clock, by which the edge's own pass forgets ticks that are over
      await both("2035-01-01T06:30:10Z");
      await both("2035-01-01T06:30:50Z");
      expect(await runsOf("timed")).toMatchObject([{ event_name: "schedule", ref: "refs/heads/main" }]);
      expect(JSON.parse((await runsOf("timed"))[0]?.event_json ?? "")).toMatchObject({ schedule: "30 6 * * 1" });
      await both("2035-01-01T06:45:00Z");
      expect(await runsOf("timed")).toHaveLength(2);
      await both("2035-01-01T07:30:00Z");
      await tree.commit({ [file("ci")]: `on: push\n${JOBS}` });
      await tree.push({ token, name: "timed" });
      await both("2035-01-01T06:31:00Z");
      expect((await runsOf("timed")).map((run) => run.event_name)).toEqual(["schedule", "schedule", "push"]);
    } finally {
      await other.stop();
    }
  });
});

describe("workflow_run", () => {
  it("starts when the workflow it names ends, once, and not for ever", async () => {
    await pushed("chain", {
      [file("ci")]: `name: CI\non: push\n${JOBS}`,
      [file("after")]: `name: After\non: { workflow_run: { workflows: [CI, After], types: [completed] } }\n${JOBS}`,
    });
    const finish = async () => {
      const [run] = (await runsOf("chain")).filter((one) => one.state !== "finished");
      const done = { state: "finished" as const, conclusion: "success" as const, finished_at: new Date() };
      await edge.db
        .updateTable("runs")
        .set(done)
        .where("id", "=", run?.id ?? 0)
        .execute();
    };
    const pass = () =>
      Promise.all([1, 2].map(() => startFollowers({ ...edge.intakeDeps, logger, runUrl: (id) => `u/${id}` })));
    for (let no = 1; no <= 3; no++) {
      await finish();
      await pass();
      await waitFor("the follower", async () => (await runsOf("chain")).length === no + 1);
    }
    await finish();
    await pass();
    const runs = await runsOf("chain");
    expect(runs.map((run) => [run.workflow_name, run.event_name, run.depth])).toEqual([
      ["CI", "push", 0],
      ["After", "workflow_run", 1],
      ["After", "workflow_run", 2],
      ["After", "workflow_run", 3],
    ]);
    expect(JSON.parse(runs[1]?.event_json ?? "")).toMatchObject({
      workflow_run: { id: runs[0]?.id, name: "CI", conclusion: "success", head_branch: "main" },
    });
  });

  it("is given up for a run whose repository cannot be read any more, after a while", async () => {
    await pushed("broken", { [file("ci")]: `name: CI\non: push\n${JOBS}`, [file("after")]: AFTER });
    const end = (endedAgoMs: number) =>
      edge.db
        .updateTable("runs")
        .set({ state: "finished", conclusion: "success", finished_at: new Date(Date.now() - endedAgoMs) })
        .where("id", "=", runId)
        .execute();
    const [run] = await runsOf("broken");
    const runId = run?.id ?? 0;
    const reader = { ...edge.intakeDeps.reader, read: () => Promise.reject(new Error("a broken object")) };
    const pass = () => startFollowers({ ...edge.intakeDeps, reader, logger, runUrl: (id) => `u/${id}` });
    await edge.intake.stop();
    try {
      for (const [endedAgoMs, isDue] of [
        [0, true],
        [11 * 60_000, false],
      ] as const) {
        await end(endedAgoMs);
        await pass();
        expect((await runsOf("broken")).map((one) => one.followers_due)).toEqual([isDue]);
      }
    } finally {
      await edge.intake.start();
    }
  });

  it("starts nothing for a repository that was deleted, though a new one has its name", async () => {
    const files = { [file("ci")]: `name: CI\non: push\n${JOBS}`, [file("after")]: AFTER };
    await pushed("gone", files);
    const admin = await edge.makeToken({ role: "admin" });
    expect((await edge.api("DELETE", "/api/v1/repositories/me/gone", { token: admin })).status).toBe(200);
    await pushed("gone", files);
    const [old, young] = await runsOf("gone");
    const done = { state: "finished" as const, conclusion: "success" as const, finished_at: new Date() };
    const ids = [old?.id ?? 0, young?.id ?? 0];
    await edge.db.updateTable("runs").set(done).where("id", "in", ids).execute();
    await startFollowers({ ...edge.intakeDeps, logger, runUrl: (id) => `u/${id}` });
    const runs = await waitFor("the follower", async () => {
      const all = await runsOf("gone");
      return all.length > 2 && all.every((run) => !ids.includes(run.id) || !run.followers_due) ? all : undefined;
    });
    expect(runs.map((run) => [run.repository_id, run.event_name])).toEqual([
      [old?.repository_id, "push"],
      [young?.repository_id, "push"],
      [young?.repository_id, "workflow_run"],
    ]);
  });
});

describe("variables", () => {
  it("are kept for the farm, an owner, a repository; the narrowest counts", async () => {
    await pushed("vars", {
      [file("ci")]: `run-name: "\${{ vars.PLACE }} \${{ vars.TONE }}"\non: workflow_dispatch\n${JOBS}`,
    });
    const admin = await edge.makeToken({ role: "admin" });
    const set = (body: object, by = admin) => edge.api("POST", "/api/v1/variables", { token: by, body });
    expect((await set({ name: "place", value: "farm" })).status).toBe(200);
    expect((await set({ name: "TONE", value: "calm", owner: "me" })).status).toBe(200);
    expect((await start({ repository: "me/vars" })).runs).toMatchObject([{ title: "farm calm" }]);
    await set({ name: "PLACE", value: "here", repository: "me/vars" });
    await set({ name: "place", value: "owner's", owner: "me" });
    expect((await start({ repository: "me/vars" })).runs).toMatchObject([{ title: "here calm" }]);
    const list = (query: string) =>
      edge.json<{ items: { name: string; value: string }[] }>("GET", `/api/v1/variables${query}`, { token });
    expect((await list("?repository=me/vars&effective=true")).items.map(({ name, value }) => [name, value])).toEqual([
      ["PLACE", "here"],
      ["TONE", "calm"],
    ]);
    expect((await edge.api("DELETE", "/api/v1/variables/place?repository=me/vars", { token: admin })).status).toBe(200);
    expect((await edge.api("DELETE", "/api/v1/variables/place?repository=me/vars", { token: admin })).status).toBe(404);
    expect((await list("?owner=me")).items).toMatchObject([{ name: "PLACE", value: "owner's" }, { name: "TONE" }]);
    expect((await set({ name: "x", value: "y" }, token)).status).toBe(403);
    const bound = await edge.makeToken({ role: "admin", owner: "me" });
    expect((await set({ name: "x", value: "y" }, bound)).status).toBe(403);
    expect((await set({ name: "github_x", value: "y" })).status).toBe(400);
  });

  it("come to a bounded number and size at each level, and one that is there may always be made smaller", async () => {
    await pushed("full", { [file("ci")]: `on: workflow_dispatch\n${JOBS}` });
    const admin = await edge.makeToken({ role: "admin" });
    const set = (name: string, value: string) =>
      edge.api("POST", "/api/v1/variables", { token: admin, body: { name, value, repository: "me/full" } });
    const large = "x".repeat(48 * 1024);
    for (const name of ["A", "B", "C", "D", "E"]) expect((await set(name, large)).status).toBe(200);
    const refused = await set("F", large);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("256 KiB");
    expect((await set("A", large)).status).toBe(200);
    for (const name of ["A", "B", "C", "D", "E"]) expect((await set(name, "small")).status).toBe(200);
    const { id } = await edge.db
      .selectFrom("repositories")
      .select("id")
      .where("name", "=", "full")
      .executeTakeFirstOrThrow();
    const rows = Array.from({ length: 995 }, (_, no) => ({ name: `V${no}`, value: "v" }));
    await edge.db
      .insertInto("variables")
      .values(rows.map((row) => ({ ...row, repository_id: id, updated_by: "me" })))
      .execute();
    expect((await set("F", "one too many")).status).toBe(400);
    expect((await set("A", "changed")).status).toBe(200);
    expect((await edge.api("POST", "/api/v1/variables", { token: admin, body: { name: "F", value: "" } })).status).toBe(
      200,
    );
  });
});
