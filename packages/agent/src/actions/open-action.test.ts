import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asAttemptId, asLeaseId, Refusal } from "@windrow/model";
import { createLogger, systemClock } from "@windrow/service";
import { createAgentApiClient } from "@windrow/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IDENTITY } from "../../test/fake-controller.ts";
import { createConnection } from "../session/connection.ts";
import { type ActionCache, createActionCache, prepareActionCache } from "./action-cache.ts";
import { createOpenAction, type ParseAction } from "./open-action.ts";

const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const lease = { attemptId: asAttemptId(ID), leaseId: asLeaseId(ID) };
const never = new AbortController().signal;
const sha = (digit: string) => digit.repeat(40);

let dir: string;
let cache: ActionCache;
/** By repository and ref. */
let commits: Map<string, string>;
let trees: Map<string, Buffer>;
let calls: string[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "windrow-open-action-"));
  mkdirSync(join(dir, "work", "attempt"), { recursive: true });
  await prepareActionCache(join(dir, "cache"));
  cache = makeCache();
  commits = new Map();
  trees = new Map();
  calls = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const makeCache = (bytesMax?: number): ActionCache =>
  createActionCache({
    dir: join(dir, "cache"),
    workRootDir: join(dir, "work"),
    clock: systemClock,
    ...(bytesMax === undefined ? {} : { bytesMax }),
  });

const parse: ParseAction = ({ path, text }) =>
  text.includes("wrong")
    ? { diagnostics: [{ severity: "error", code: "x", message: "'runs' is missing", file: path, line: 3, column: 1 }] }
    : {
        definition: { name: text.trim(), inputs: [], outputs: [], runs: { kind: "composite", steps: [] } },
        diagnostics: [],
      };

/** One job's way to actions, over a connection whose client answers from the maps above. */
function openAction(attempt = "attempt", from = cache) {
  mkdirSync(join(dir, "work", attempt), { recursive: true });
  const connection = createConnection({
    clock: systemClock,
    logger: createLogger({ component: "agent", level: "silent" }),
  });
  const client: ReturnType<typeof createAgentApiClient> = {
    ...createAgentApiClient({ address: "127.0.0.1:1", tls: IDENTITY }),
    resolveAction: async ({ repository, ref }) => {
      calls.push(`resolve ${repository}@${ref}`);
      const found = commits.get(`${repository}@${ref}`);
      if (found === undefined)
        return { kind: "problem", problem: `${repository} has no branch, tag or commit '${ref}'` };
      return { kind: "sha", sha: found };
    },
    fetchAction: async (request) => {
      if (request.offset === 0) calls.push(`fetch ${request.sha.slice(0, 1)}`);
      const tar = trees.get(request.sha);
      if (tar === undefined) throw new Refusal("not_found", "no source has the commit any more");
      return { data: tar.subarray(request.offset, request.offset + 3_000), totalBytes: tar.length };
    },
  };
  connection.open({ client, sessionNo: 1, over: never });
  return createOpenAction({ connection, lease, cache: from, attemptDir: join(dir, "work", attempt), parse });
}

function addAction(name: string, commit: string, files: Readonly<Record<string, string>>): void {
  const source = mkdtempSync(join(dir, "source-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    if (text.startsWith("->")) symlinkSync(text.slice(2), join(source, path));
    else writeFileSync(join(source, path), text);
  }
  commits.set(name, commit);
  trees.set(commit, execFileSync("tar", ["-C", source, "-cf", "-", "."]));
}
const request = (name: string, path = "") => {
  const [repository = "", ref = ""] = name.split("@");
  return { repository, ref, path };
};

describe("an action of a repository", () => {
  it("is resolved once per job and fetched once per agent", async () => {
    addAction("me/tool@v1", sha("a"), { "action.yml": "tool", "sub/action.yaml": "sub" });
    const open = openAction();
    const [root, sub] = await Promise.all([
      open(request("me/tool@v1"), never),
      open(request("Me/Tool@v1", "sub"), never),
    ]);
    expect(root).toMatchObject({ kind: "opened", sha: sha("a"), definition: { name: "tool" } });
    expect(sub).toMatchObject({
      kind: "opened",
      dir: expect.stringMatching(/\/tree\/sub$/),
      definition: { name: "sub" },
    });
    expect(await openAction("another")(request("me/tool@v1"), never)).toEqual(root);
    expect(calls.filter((call) => call.startsWith("fetch"))).toEqual(["fetch a"]);
    expect(calls.filter((call) => call.startsWith("resolve"))).toHaveLength(2);
  });

  it.each([
    ["a ref that is not there", "me/tool@v9", "", /has no branch, tag or commit 'v9'/],
    ["a folder that is not there", "me/tool@v1", "none", /'me\/tool\/none@v1' has no such folder/],
    ["a folder without an action file", "me/tool@v1", "docs", /has no action\.yml/],
    ["a path that leads out", "me/tool@v1", "../..", /leads out/],
    ["an action file with a mistake", "me/tool@v1", "bad", /line 3: 'runs' is missing/],
    ["an action file that is a link out of the tree", "me/tool@v1", "sly", /has no action\.yml/],
  ])("is a problem at %s", async (_what, name, path, why) => {
    addAction("me/tool@v1", sha("b"), {
      "action.yml": "tool",
      "docs/readme": "",
      "bad/action.yml": "wrong",
      "sly/readme": "",
      "sly/action.yml": "->/etc/hostname",
    });
    expect(await openAction()(request(name, path), never)).toEqual({
      kind: "problem",
      why: expect.stringMatching(why),
    });
  });

  it("that is nothing but a Dockerfile is a Docker action", async () => {
    addAction("me/tool@v1", sha("b"), { "container/Dockerfile": "FROM scratch" });
    expect(await openAction()(request("me/tool@v1", "container"), never)).toMatchObject({
      kind: "opened",
      definition: { inputs: [], runs: { kind: "docker", image: "Dockerfile" } },
    });
  });

  it("whose tree went at its source, or is no tar file, is a problem and leaves nothing behind", async () => {
    commits.set("me/gone@v1", sha("c"));
    expect(await openAction()(request("me/gone@v1"), never)).toMatchObject({ why: expect.stringMatching(/any more/) });
    commits.set("me/broken@v1", sha("d"));
    trees.set(sha("d"), Buffer.alloc(5_000, 65));
    expect(await openAction()(request("me/broken@v1"), never)).toMatchObject({
      why: expect.stringMatching(/unpacked/),
    });
    expect(readdirSync(join(dir, "cache"))).toEqual([]);
  });
});

describe("the cache", () => {
  it("fetches for the second job when the first one ends while it fetches", async () => {
    addAction("me/tool@v1", sha("e"), { "action.yml": "tool" });
    const tar = trees.get(sha("e")) ?? Buffer.alloc(0);
    let fetchesCount = 0;
    const first = cache.open(sha("e"), join(dir, "work", "attempt"), async function* () {
      fetchesCount++;
      yield tar.subarray(0, 700);
      throw new Error("the job was cancelled");
    });
    const second = cache.open(sha("e"), join(dir, "work", "attempt"), async function* () {
      fetchesCount++;
      yield tar;
    });
    await expect(first).rejects.toThrow("cancelled");
    expect(existsSync(join(await second, "action.yml"))).toBe(true);
    expect(fetchesCount).toBe(2);
  });

  it("drops what was used longest ago, but nothing that a job uses", async () => {
    const small = makeCache(25_000);
    for (const digit of ["1", "2", "3"]) addAction(`me/tool@v${digit}`, sha(digit), { "action.yml": digit });
    await openAction("first", small)(request("me/tool@v1"), never);
    await openAction("second", small)(request("me/tool@v2"), never);
    rmSync(join(dir, "work", "second"), { recursive: true });
    await openAction("third", small)(request("me/tool@v3"), never);
    expect(readdirSync(join(dir, "cache")).sort()).toEqual([sha("1"), sha("3")]);
  });

  it("may be too full for several fetches at once", async () => {
    const small = makeCache(25_000);
    const digits = ["1", "2", "3", "4", "5", "6", "7", "8"];
    for (const digit of digits) addAction(`me/tool@v${digit}`, sha(digit), { "action.yml": digit });
    for (const digit of digits.slice(0, 4)) await openAction("over", small)(request(`me/tool@v${digit}`), never);
    rmSync(join(dir, "work", "over"), { recursive: true });
    const later = digits.slice(4);
    const answers = await Promise.all(
      later.map((digit) => openAction("now", small)(request(`me/tool@v${digit}`), never)),
    );
    expect(answers.map(({ kind }) => kind)).toEqual(later.map(() => "opened"));
    expect(readdirSync(join(dir, "cache")).sort()).toEqual(later.map(sha));
  });

  it("removes what a process before this one began", async () => {
    mkdirSync(join(dir, "cache", ".new-1-1", "tree"), { recursive: true });
    await prepareActionCache(join(dir, "cache"));
    expect(existsSync(join(dir, "cache", ".new-1-1"))).toBe(false);
  });
});
