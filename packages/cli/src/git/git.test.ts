import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { currentBranch } from "./current-branch.ts";
import { chooseRemote, findRemote } from "./find-remote.ts";
import { parseRemote } from "./parse-remote.ts";
import { pushEnvironment } from "./push-environment.ts";
import { snapshotTree } from "./snapshot-tree.ts";

describe("a git address", () => {
  test.each([
    ["http://127.0.0.1:7070/git/me/app.git", { owner: "me", name: "app", farmUrl: "http://127.0.0.1:7070" }],
    ["https://user:pw@farm.example/git/me/app.git/", { owner: "me", name: "app", farmUrl: "https://farm.example" }],
    ["https://farm.example/sub/git/me/app", { owner: "me", name: "app", farmUrl: "https://farm.example/sub" }],
    ["http://farm/git/app.git", { owner: undefined, name: "app", farmUrl: "http://farm" }],
    ["https://github.com/me/app.git", undefined],
    ["git@farm:git/me/app.git", undefined],
    ["/srv/git/me/app.git", undefined],
  ])("%s", (address, repository) => expect(parseRemote(address)).toEqual(repository));

  test("of the farm in question wins, then origin, then any other", () => {
    const remotes = [
      { name: "a", address: "http://other/git/x/one.git" },
      { name: "origin", address: "http://third/git/x/two.git" },
      { name: "farm", address: "http://farm/git/x/three.git" },
      { name: "up", address: "https://github.com/x/four.git" },
    ];
    expect(chooseRemote(remotes, "http://farm")?.name).toBe("three");
    expect(chooseRemote(remotes, "http://nobody")?.name).toBe("two");
    expect(chooseRemote(remotes.slice(3), "http://farm")).toBeUndefined();
  });
});

test("a push's token stands in no argument and is for the farm alone", () => {
  expect(pushEnvironment("http://farm:1", "wru_x")).toEqual({
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "credential.helper",
    GIT_CONFIG_VALUE_0: "",
    GIT_CONFIG_KEY_1: "http.http://farm:1/.extraHeader",
    GIT_CONFIG_VALUE_1: `Authorization: Basic ${Buffer.from("windrow:wru_x").toString("base64")}`,
  });
});

describe("the working tree as it is", () => {
  let folder: string;
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, encoding: "utf8" }).trim();
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const snapshot = (cwd = folder) => snapshotTree({ cwd, id: "x1" });
  /** Everything a person could notice. */
  const state = () => ({
    head: git("rev-parse", "HEAD"),
    branch: git("branch", "--show-current"),
    status: git("status", "--porcelain=v2", "--ignored"),
    index: readFileSync(path.join(folder, ".git", "index")).toString("base64"),
    refs: git("for-each-ref"),
    gitFolder: readdirSync(path.join(folder, ".git")).sort(),
  });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "windrow-cli-git-"));
    git("init", "--quiet", "--initial-branch=main");
    git("config", "user.name", "Alice");
    git("config", "user.email", "alice@example.org");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is committed with changed, deleted, untracked and staged files, without ignored ones, and nothing of the person's is touched", async () => {
    write(".gitignore", "*.log\nbuild/\n");
    write("kept.txt", "one\n");
    write("changed.txt", "old\n");
    write("deleted.txt", "x\n");
    git("add", "-A");
    git("commit", "--quiet", "-m", "first");
    write("changed.txt", "new\n");
    rmSync(path.join(folder, "deleted.txt"));
    write("staged.txt", "staged\n");
    git("add", "staged.txt");
    write("staged.txt", "newer than staged\n");
    write("sub/untracked ü.txt", "u\n");
    write("run.sh", "#!/bin/sh\n");
    chmodSync(path.join(folder, "run.sh"), 0o755);
    symlinkSync("kept.txt", path.join(folder, "link"));
    write("noise.log", "n\n");
    write("build/out", "o\n");
    git("status");
    const before = state();

    const made = await snapshot(path.join(folder, "sub"));

    expect(state()).toEqual(before);
    expect(made).toMatchObject({ parentSha: before.head, branch: "main" });
    expect(
      git("-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", made.sha).split("\n"),
    ).toEqual([
      "100644 .gitignore",
      "100644 changed.txt",
      "100644 kept.txt",
      "120000 link",
      "100755 run.sh",
      "100644 staged.txt",
      "100644 sub/untracked ü.txt",
    ]);
    expect(git("show", `${made.sha}:changed.txt`)).toBe("new");
    expect(git("show", `${made.sha}:staged.txt`)).toBe("newer than staged");
    expect(git("log", "-1", "--format=%P %an: %s", made.sha)).toBe(
      `${before.head} Alice: Working tree on top of: first`,
    );
  });

  test("is another commit each time, even of the same tree within the same second", async () => {
    write("f", "1\n");
    const again = await snapshotTree({ cwd: folder, id: "x2" });
    expect((await snapshot()).sha).not.toBe(again.sha);
  });

  test("works in the middle of a merge conflict", async () => {
    write("f", "base\n");
    git("add", "-A");
    git("commit", "--quiet", "-m", "base");
    git("checkout", "--quiet", "-b", "other");
    write("f", "other\n");
    git("commit", "--quiet", "-am", "other");
    git("checkout", "--quiet", "main");
    write("f", "main\n");
    git("commit", "--quiet", "-am", "main");
    expect(() => git("merge", "other")).toThrow();
    const before = state();
    const made = await snapshot();
    expect(state()).toEqual(before);
    expect(git("show", `${made.sha}:f`)).toContain("<<<<<<<");
  });

  test("works before the first commit, and on a detached head", async () => {
    write("f", "1\n");
    const first = await snapshot();
    expect(first).toMatchObject({ parentSha: null, branch: "main" });
    expect(git("show", `${first.sha}:f`)).toBe("1");
    git("add", "-A");
    git("commit", "--quiet", "-m", "first");
    git("checkout", "--quiet", "--detach");
    expect(await snapshot()).toMatchObject({ parentSha: git("rev-parse", "HEAD"), branch: null });
  });

  test("outside a repository is refused with what to do", async () => {
    rmSync(path.join(folder, ".git"), { recursive: true });
    await expect(snapshot()).rejects.toMatchObject({ code: "not_a_repository", exitCode: 3 });
  });

  test("its remotes and branch are found from a folder below, and their absence is no error", async () => {
    expect(await findRemote(folder, "http://farm")).toBeUndefined();
    git("remote", "add", "farm", "http://farm/git/me/app.git");
    expect(await findRemote(folder, "http://farm")).toMatchObject({ owner: "me", name: "app" });
    expect(await currentBranch(folder)).toBe("main");
    expect(await findRemote(tmpdir(), "http://farm")).toBeUndefined();
    expect(await currentBranch(tmpdir())).toBeUndefined();
  });
});
