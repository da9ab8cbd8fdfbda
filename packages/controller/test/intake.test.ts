import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Run, RunSummary } from "@windrow/contract";
import { asJobId } from "@windrow/model";
import { createLogger, installFailpointHandler } from "@windrow/service";
import { concludeRunRow, insertPushes, inTransaction, settleJobs } from "@windrow/store";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { repositoryFolder } from "../src/git/repository-folder.ts";
import { runGit } from "../src/git/run-git.ts";
import { deleteTryRefs, TRY_REF_KEPT_MS } from "../src/intake/delete-try-refs.ts";
import { type Edge, startEdge } from "./edge-kit.ts";

const CI = "name: ci\non: [push, workflow_dispatch]\njobs:\n  a:\n    runs-on: linux\n    steps: [{run: make}]\n";
const WORKFLOW = ".windrow/workflows/ci.yml";
const SOON = { timeout: 20_000 };
const QUIET = { component: "test", level: "silent" };
const ZERO = "0".repeat(40);

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge();
  token = await edge.makeToken();
});
afterAll(() => edge.stop());
afterEach(() => installFailpointHandler(() => undefined));

const runsOf = (name: string) =>
  edge.db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .selectAll("runs")
    .where("repositories.name", "=", name)
    .orderBy("runs.id")
    .execute();

const pushesOf = (name: string) =>
  edge.db
    .selectFrom("pushes")
    .innerJoin("repositories", "repositories.id", "pushes.repository_id")
    .selectAll("pushes")
    .where("repositories.name", "=", name)
    .orderBy("pushes.id")
    .execute();

/** As if the controller had died then: the rows of pushes look older than the sweep's patience. */
const age = (seconds: number) =>
  edge.db
    .updateTable("pushes")
    .set({ received_at: new Date(Date.now() - seconds * 1000) })
    .where("state", "=", "received")
    .execute();

describe("a push whose runs were not inserted when the refs were updated", () => {
  it("is built by the sweep, exactly once, also by two controllers at a time", async () => {
    installFailpointHandler(() => {
      throw new Error("as if it died here");
    });
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token, name: "repaired" });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(await runsOf("repaired")).toHaveLength(0);
    expect(await pushesOf("repaired")).toMatchObject([{ state: "received" }]);
    installFailpointHandler(() => undefined);
    await age(10);
    const other = await startEdge({ sharedWith: edge });
    await vi.waitFor(async () => expect(await runsOf("repaired")).toHaveLength(1), SOON);
    await other.stop();
    expect(await pushesOf("repaired")).toMatchObject([{ state: "settled" }]);
    expect(await runsOf("repaired")).toHaveLength(1);
    const again = await tree.push({ token, name: "repaired" });
    expect(again.stderr).toContain("Everything up-to-date");
    expect(await runsOf("repaired")).toHaveLength(1);
  });

  it("is given up when git never updated the ref, or a later push did the same", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    await tree.push({ token, name: "given-up" });
    const [first] = await pushesOf("given-up");
    const repositoryId = first?.repository_id ?? 0;
    const sha = first?.after_sha ?? "";
    const common = { repositoryId, actor: "tester", options: [] };
    const never = { ref: "refs/heads/never", beforeSha: ZERO, afterSha: sha };
    await inTransaction(edge.db, (tx) => insertPushes(tx, { ...common, updates: [never] }));
    await age(120);
    await vi.waitFor(
      async () => expect((await pushesOf("given-up")).map((push) => push.state)).toEqual(["settled", "abandoned"]),
      SOON,
    );
    const next = await tree.commit({ more: "1" });
    // the first try of this push died before git updated the ref; the second one went through
    const update = { ref: "refs/heads/main", beforeSha: sha, afterSha: next };
    await inTransaction(edge.db, (tx) => insertPushes(tx, { ...common, updates: [update] }));
    await tree.push({ token, name: "given-up" });
    await age(10);
    await vi.waitFor(
      async () =>
        expect((await pushesOf("given-up")).map((push) => push.state)).toEqual([
          "settled",
          "abandoned",
          "abandoned",
          "settled",
        ]),
      SOON,
    );
    expect(await runsOf("given-up")).toHaveLength(2);
  });
});

describe("a push with -o wait", () => {
  it("shows the jobs' states and the verdict", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushing = tree.push({ token, name: "waits", args: ["-o", "wait"] });
    const run = await vi.waitFor(async () => {
      const [found] = await runsOf("waits");
      if (found === undefined) throw new Error("no run yet");
      return found;
    }, SOON);
    const jobs = await edge.db.selectFrom("jobs").select("id").where("run_id", "=", run.id).execute();
    await inTransaction(edge.db, async (tx) => {
      const ends = jobs.map((job) => ({ jobId: asJobId(job.id), outcome: "cancelled" as const, reason: "test" }));
      await settleJobs(tx, ends);
      await concludeRunRow(tx, { runId: run.id, conclusion: "cancelled" });
    });
    const pushed = await pushing;
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(pushed.stderr).toMatch(/a: cancelled/);
    expect(pushed.stderr).toContain(`run #${run.id}: cancelled ${edge.url}/runs/${run.id}`);
  });

  it("waits as long as it says, and refuses no push for a wait it does not know", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const pushed = await tree.push({ token, name: "impatient", args: ["-o", "wait=1", "-o", "wait=soon"] });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(pushed.stderr).toContain("waited long enough; the run goes on");
    expect(pushed.stderr).toContain("push option 'wait=soon' is not known");
    expect(await runsOf("impatient")).toMatchObject([{ state: "running" }]);
  });
});

describe("a push that waits", () => {
  const sessions = (of: Edge) => readdir(join(of.dataDir, "git-control/sessions"));

  it("leaves nothing running when the person at the terminal leaves", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const leaving = new AbortController();
    const pushing = tree.push({ token, name: "left", args: ["-o", "wait"], signal: leaving.signal });
    await vi.waitFor(async () => expect(await runsOf("left")).toHaveLength(1), SOON);
    expect(await sessions(edge)).toHaveLength(1);
    leaving.abort();
    await pushing;
    await vi.waitFor(async () => expect(await sessions(edge)).toEqual([]), SOON);
    expect(await pushesOf("left")).toMatchObject([{ state: "settled" }]);
  });

  it("ends well when the controller stops, and the run goes on", async () => {
    const other = await startEdge({ sharedWith: edge });
    const tree = await other.makeWorkTree({ [WORKFLOW]: CI });
    const pushing = tree.push({ token, name: "stopped", args: ["-o", "wait"] });
    await vi.waitFor(async () => expect(await runsOf("stopped")).toHaveLength(1), SOON);
    await other.stop();
    const pushed = await pushing;
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(pushed.stderr).toContain("the controller stops; the run goes on");
    expect(await runsOf("stopped")).toMatchObject([{ state: "running" }]);
  });
});

describe("a start by hand", () => {
  it("starts the workflows that allow it, on a branch or tag", async () => {
    const tree = await edge.makeWorkTree({
      [WORKFLOW]: CI.replace("[push, workflow_dispatch]", "{ push: {}, workflow_dispatch: { inputs: { level: {} } } }"),
      ".windrow/workflows/other.yml": CI.replace(", workflow_dispatch", ""),
    });
    await tree.git("tag", "v1");
    await tree.push({ token, name: "by-hand", refspecs: ["main", "v1"] });
    const start = (body: object) =>
      edge.api("POST", "/api/v1/runs", { token, body: { repository: "me/by-hand", ...body } });
    const { runs } = await edge.json<{ runs: RunSummary[] }>("POST", "/api/v1/runs", {
      token,
      body: { repository: "me/by-hand", ref: "v1", inputs: { level: "high" } },
    });
    expect(runs).toMatchObject([{ event: "workflow_dispatch", ref: "refs/tags/v1", scope: "tag", actor: "tester" }]);
    const row = (await runsOf("by-hand")).find((run) => run.id === runs[0]?.id);
    expect(JSON.parse(row?.event_json ?? "{}")).toMatchObject({ inputs: { level: "high" }, workflow: WORKFLOW });
    const refused = await start({ workflow: "other" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ hint: expect.stringContaining("workflow_dispatch") });
    expect((await start({ ref: "nope" })).status).toBe(404);
    const unknown = await start({ workflow: "nope.yml" });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ detail: expect.stringContaining(WORKFLOW) });
    expect((await start({ repository: "me/nope" })).status).toBe(404);
  });

  it("says which files it did not start and why; a broken one is started only by its name", async () => {
    const tree = await edge.makeWorkTree({
      [WORKFLOW]: CI,
      ".windrow/workflows/broken.yml": "on: [push\njobs: {",
      ".windrow/workflows/other.yml": CI.replace(", workflow_dispatch", ""),
    });
    await tree.push({ token, name: "some-by-hand", refspecs: ["main"] });
    const start = (body: object) =>
      edge.json<{ runs: RunSummary[]; notes: string[] }>("POST", "/api/v1/runs", {
        token,
        body: { repository: "me/some-by-hand", ...body },
      });
    const { runs, notes } = await start({});
    expect(runs.map((run) => run.workflow_path)).toEqual([WORKFLOW]);
    expect(notes).toEqual([
      expect.stringMatching(/^\.windrow\/workflows\/broken\.yml: it cannot be read \(line \d+, column \d+: /),
      expect.stringMatching(/^\.windrow\/workflows\/other\.yml: .*workflow_dispatch/),
    ]);
    const named = await start({ workflow: "broken.yml" });
    expect(named.runs).toMatchObject([{ state: "finished", conclusion: "failure" }]);
  });
});

describe("runs", () => {
  it("are listed newest first, by filter and page", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    for (let at = 0; at < 3; at++) {
      await tree.commit({ at: String(at) });
      await tree.push({ token, name: "listed", refspecs: ["main", `main:b${at}`] });
    }
    type Page = { items: RunSummary[]; next_cursor: string | null };
    const list = (query: string) => edge.json<Page>("GET", `/api/v1/runs?repository=me/listed&${query}`, { token });
    const all = await list("");
    expect(all.items).toHaveLength(6);
    expect(all.items.map((run) => run.id)).toEqual(all.items.map((run) => run.id).toSorted((a, b) => b - a));
    expect((await list("branch=b1")).items).toMatchObject([{ branch: "b1" }]);
    expect((await list("state=finished")).items).toHaveLength(0);
    const first = await list("limit=4");
    const second = await list(`limit=4&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items]).toEqual(all.items);
    expect(second.next_cursor).toBeNull();
    const run = await edge.json<Run>("GET", `/api/v1/runs/${all.items[0]?.id}`, { token });
    expect(run.jobs).toMatchObject([{ key: "a", state: "queued", waiting_code: "no_capacity_ever" }]);
  });
});

describe("refs of tries", () => {
  const refsOf = (name: string) => runGit({ ...edgeGit(name), argv: ["for-each-ref", "--format=%(refname)"] });
  const edgeGit = (name: string) => ({
    environment: edge.environment,
    folder: repositoryFolder(edge.environment.gitDir, { owner: "me", name }),
  });
  const pass = () => deleteTryRefs({ db: edge.db, environment: edge.environment, logger: createLogger(QUIET) });

  it("are deleted a week after the push, when their runs are finished", async () => {
    const tree = await edge.makeWorkTree({ [WORKFLOW]: CI });
    const refspecs = ["main", "HEAD:refs/windrow/try/old", "HEAD:refs/windrow/try/open", "HEAD:refs/windrow/try/new"];
    const pushed = await tree.push({ token, name: "tries", refspecs });
    expect(pushed.code, pushed.stderr).toBe(0);
    for (const { id, push_id } of await runsOf("tries")) {
      const push = (await pushesOf("tries")).find((one) => one.id === push_id);
      if (push?.ref.endsWith("/open") === true) continue;
      await inTransaction(edge.db, (tx) => concludeRunRow(tx, { runId: id, conclusion: "success" }));
    }
    await edge.db
      .updateTable("pushes")
      .set({ received_at: new Date(Date.now() - TRY_REF_KEPT_MS - 1_000) })
      .where("ref", "in", ["refs/windrow/try/old", "refs/windrow/try/open"])
      .execute();
    await pass();
    await pass();
    expect((await refsOf("tries"))?.trim().split("\n")).toEqual([
      "refs/heads/main",
      "refs/windrow/try/new",
      "refs/windrow/try/open",
    ]);
  });
});
