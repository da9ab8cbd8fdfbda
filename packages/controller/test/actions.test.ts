import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listRunActions } from "@windrow/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRefName, matchesRepository } from "../src/actions/action-rules.ts";
import type { Actions } from "../src/actions/create-actions.ts";
import { type ActionRepository, ActionsKit, makeActionRepository } from "./actions-kit.ts";

const kit = new ActionsKit();
let mirrored: ActionRepository;
let remote: ActionRepository;
const reader = { owner: "me", trust: "trusted" } as const;
const bytesMax = 1_000_000;

beforeAll(async () => {
  await kit.start();
  mirrored = makeActionRepository(join(kit.mirrorDir, "actions", "hello.git"));
  remote = makeActionRepository(join(kit.dir, "remote", "far", "away.git"), { "far.txt": "far" });
  await kit.serve(join(kit.dir, "remote"));
});
afterAll(() => kit.stop());

/** Names of the files in a tar file. */
function namesIn(tar: Buffer): string[] {
  return execFileSync("tar", ["-tf", "-"], { input: tar, encoding: "utf8" }).trim().split("\n");
}

describe.each(["mirror folder", "git server"])("an action of a %s", (place) => {
  let actions: Actions;
  let repository: string;
  let made: ActionRepository;
  beforeAll(async () => {
    const isMirror = place === "mirror folder";
    actions = await kit.actions(isMirror ? { mirrorDir: kit.mirrorDir } : { baseUrl: kit.serverUrl });
    repository = isMirror ? "actions/hello" : "far/away";
    made = isMirror ? mirrored : remote;
  });

  it.each([
    ["a branch", "next", "second"],
    ["a plain tag", "v1.0", "first"],
    ["an annotated tag", "v1", "first"],
    ["a whole ref", "refs/heads/next", "second"],
    ["a commit", "", "second"],
  ] as const)("is resolved by %s", async (_what, ref, which) => {
    const runId = await kit.run();
    const resolved = await actions.resolve({ runId, repository, ref: ref || made[which], reader });
    expect(resolved).toEqual({ kind: "sha", sha: made[which] });
  });

  it("comes as a tar file, in pieces", async () => {
    const runId = await kit.run();
    const sha = made.second;
    await actions.resolve({ runId, repository, ref: "next", reader });
    const tree = { runId, repository, sha, reader };
    const pieces = [];
    for (let offset = 0; ; offset += 1_000) {
      const { data, totalBytes } = await actions.readTree({ ...tree, offset, bytesMax: 1_000 });
      pieces.push(data);
      if (offset + data.length >= totalBytes) break;
    }
    const names = namesIn(Buffer.concat(pieces));
    expect(names).toEqual(expect.arrayContaining(["action.yml", "sub/action.yml", "more.txt"]));
  });

  it.each([
    ["no-such-branch", /has no branch, tag or commit 'no-such-branch'/],
    ["f".repeat(40), /has no branch, tag or commit/],
    ["abcdef1", /all its 40 digits/],
    ["--upload-pack=x", /not a name of a branch/],
    ["a..b", /not a name of a branch/],
  ])("is a problem at %s", async (ref, why) => {
    const resolved = await actions.resolve({ runId: await kit.run(), repository, ref, reader });
    expect(resolved).toEqual({ kind: "problem", problem: expect.stringMatching(why) });
  });

  it("gives one file at a ref", async () => {
    const file = { repository, reader, path: "sub/action.yml" };
    expect(await actions.readFile({ ...file, ref: "v1" })).toEqual({
      kind: "found",
      sha: made.first,
      text: expect.stringContaining("name: sub"),
    });
    expect(await actions.readFile({ ...file, ref: "v1", path: "more.txt" })).toMatchObject({ kind: "problem" });
    expect(await actions.readFile({ ...file, ref: "v1", path: "../../config" })).toMatchObject({ kind: "problem" });
  });
});

describe("one run", () => {
  it("keeps the commit that its first job was given, also when the branch moves", async () => {
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir });
    const moving = makeActionRepository(join(kit.mirrorDir, "actions", "moving.git"));
    const runId = await kit.run();
    const asked = { runId, repository: "actions/moving", ref: "main", reader };
    const answers = await Promise.all([actions.resolve(asked), actions.resolve(asked)]);
    expect(answers).toEqual(Array(2).fill({ kind: "sha", sha: moving.first }));
    execFileSync("git", ["--git-dir", moving.folder, "update-ref", "refs/heads/main", moving.second]);
    expect(await actions.resolve(asked)).toEqual({ kind: "sha", sha: moving.first });
    expect(await actions.resolve({ ...asked, runId: await kit.run() })).toEqual({ kind: "sha", sha: moving.second });
    expect(await listRunActions(kit.db, runId)).toEqual([
      { repository: "actions/moving", ref: "main", sha: moving.first },
    ]);
  });

  it("reads only trees that it has resolved", async () => {
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir });
    const tree = { repository: "actions/hello", sha: mirrored.first, reader, offset: 0, bytesMax };
    await actions.resolve({ runId: await kit.run(), repository: "actions/hello", ref: "v1", reader });
    await expect(actions.readTree({ ...tree, runId: await kit.run() })).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a hosted repository", () => {
  it("serves runs of its owner, others when the farm shares it, and strangers only in its own", async () => {
    const hosted = await kit.host("team", "tool");
    const actions = await kit.actions();
    const shared = await kit.actions({ shared: ["team/*"] });
    const ask = async (from: Actions, who: { owner: string; trust: "trusted" | "untrusted" }) => {
      const resolved = await from.resolve({
        runId: await kit.run(),
        repository: "team/tool",
        ref: "v1",
        reader: who,
      });
      return resolved.kind;
    };
    expect(await ask(actions, { owner: "team", trust: "trusted" })).toBe("sha");
    expect(await ask(actions, { owner: "me", trust: "trusted" })).toBe("problem");
    expect(await ask(actions, { owner: "team", trust: "untrusted" })).toBe("problem");
    expect(await ask(shared, { owner: "me", trust: "untrusted" })).toBe("sha");
    expect(hosted.first).toMatch(/^[0-9a-f]{40}$/);
    const few = await kit.actions({ allowed: ["actions/*"] });
    const itself = { runId: await kit.run(), repository: "team/tool", ref: "v1" };
    const own = { owner: "team", repository: "tool", trust: "untrusted" } as const;
    expect(await few.resolve({ ...itself, reader: own })).toEqual({ kind: "sha", sha: hosted.first });
  });

  it("comes before a mirror of the same name", async () => {
    const hosted = await kit.host("actions", "twice");
    makeActionRepository(join(kit.mirrorDir, "actions", "twice.git"), { "mirror.txt": "x" });
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir, shared: ["actions/*"] });
    const resolved = await actions.resolve({ runId: await kit.run(), repository: "actions/twice", ref: "v1", reader });
    expect(resolved).toEqual({ kind: "sha", sha: hosted.first });
  });
});

describe("sources", () => {
  it("say what is missing when there is none", async () => {
    const actions = await kit.actions();
    const resolved = await actions.resolve({ runId: await kit.run(), repository: "actions/cache", ref: "v4", reader });
    expect(resolved).toMatchObject({ problem: expect.stringMatching(/WINDROW_ACTIONS_DIR .* WINDROW_ACTIONS_URL/) });
  });

  it("are not asked for what the farm does not allow", async () => {
    const before = kit.served;
    const actions = await kit.actions({ baseUrl: kit.serverUrl, allowed: ["actions/*"] });
    const resolved = await actions.resolve({ runId: await kit.run(), repository: "far/away", ref: "v1", reader });
    expect(resolved).toMatchObject({ problem: expect.stringMatching(/does not allow .*WINDROW_ACTIONS_ALLOWED/) });
    expect(kit.served).toBe(before);
  });

  it("that do not answer are a problem in a sentence without the address", async () => {
    const actions = await kit.actions({ baseUrl: "http://user:secret@127.0.0.1:9" });
    const resolved = await actions.resolve({ runId: await kit.run(), repository: "far/away", ref: "v1", reader });
    expect(resolved).toMatchObject({ kind: "problem", problem: expect.stringMatching(/could not be looked up/) });
    expect(JSON.stringify(resolved)).not.toContain("secret");
  });

  it("may be ordinary clones", async () => {
    const clone = join(kit.mirrorDir, "actions", "cloned");
    execFileSync("git", ["clone", "--quiet", mirrored.folder, clone], { stdio: "ignore" });
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir });
    const asked = { runId: await kit.run(), repository: "actions/cloned", reader };
    expect(await actions.resolve({ ...asked, ref: "next" })).toEqual({ kind: "sha", sha: mirrored.second });
  });

  it.each(["../hello", "actions/..", "actions/.git", "a/b/c"])("refuse the name %s", async (repository) => {
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir });
    const resolved = await actions.resolve({ runId: await kit.run(), repository, ref: "v1", reader });
    expect(resolved).toMatchObject({ problem: expect.stringMatching(/not a name a repository can have/) });
  });
});

describe("trees", () => {
  it("too large are a problem", async () => {
    makeActionRepository(join(kit.mirrorDir, "actions", "large.git"), { "large.txt": "x".repeat(200_000) });
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir }, { treeBytesMax: 100_000 });
    const resolved = await actions.resolve({ runId: await kit.run(), repository: "actions/large", ref: "v1", reader });
    expect(resolved).toMatchObject({ problem: expect.stringMatching(/more than 100000 bytes/) });
  });

  it("are made again when they went, and the oldest go when there are too many bytes", async () => {
    const dir = mkdtempSync(join(kit.dir, "few-"));
    const actions = await kit.actions({ mirrorDir: kit.mirrorDir }, { dir, treesBytesMax: 15_000 });
    const runId = await kit.run();
    for (const ref of ["v1", "next"]) await actions.resolve({ runId, repository: "actions/hello", ref, reader });
    expect(readdirSync(join(dir, "trees"))).toEqual([`${mirrored.second}.tar`]);
    const tree = { runId, repository: "actions/hello", sha: mirrored.first, reader, offset: 0, bytesMax };
    expect(namesIn((await actions.readTree(tree)).data)).toContain("action.yml");
    expect(readdirSync(join(dir, "scratch"))).toEqual([]);
  });

  it("keep nothing of a controller that died", async () => {
    const dir = mkdtempSync(join(kit.dir, "dead-"));
    mkdirSync(join(dir, "scratch"), { recursive: true });
    writeFileSync(join(dir, "scratch", "fetch-x"), "");
    execFileSync("touch", ["-d", "2 hours ago", join(dir, "scratch", "fetch-x")]);
    await kit.actions({}, { dir });
    expect(readdirSync(join(dir, "scratch"))).toEqual([]);
    rmSync(dir, { recursive: true });
  });
});

it.each([
  [["*"], "a/b", true],
  [["actions/*"], "Actions/Cache", true],
  [["actions/*"], "actionsx/cache", false],
  [["a/b", "c/*"], "a/b", true],
  [["a/b"], "a/bc", false],
  [[], "a/b", false],
])("the patterns %j mean %s: %j", (patterns, repository, isMeant) => {
  expect(matchesRepository(patterns, repository)).toBe(isMeant);
});

it.each(["v1", "releases/v1", "feature#1", "v1.2.3-beta+5"])("%s may be a ref", (ref) => {
  expect(isRefName(ref)).toBe(true);
});
it.each(["", "-v", "a b", "a..b", "a~1", "a^{tree}", "@{-1}", "x.lock", "/a", "a/", "a:b", ".a", "a\nb"])(
  "%j may not be a ref",
  (ref) => {
    expect(isRefName(ref)).toBe(false);
  },
);
