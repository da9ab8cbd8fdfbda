import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { createLogger } from "@windrow/service";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startGateway } from "../src/gateway/gateway.ts";
import { AgentBench } from "./agent-bench.ts";
import { checkoutStep, planOf, runStep } from "./fake-controller.ts";
import { type GitServer, startGitServer } from "./git-server.ts";

let server: GitServer;
let tokens: () => string[];
let first: string;
let second: string;
let bench: AgentBench | undefined;

beforeAll(async () => {
  server = await startGitServer();
  tokens = () => server.takeTokens();
  second = server.add("acme/app", (work, git) => {
    first = git("rev-parse", "HEAD");
    git("tag", "v1");
    writeFileSync(join(work, "file"), "two\n");
    git("commit", "-qam", "second");
  });
});
afterAll(() => server.stop());
afterEach(async () => {
  await bench?.stop();
  bench = undefined;
});

type Extra = Parameters<typeof planOf>[1] & { readonly more?: Plan["steps"] };

async function checkOut(inputs: Record<string, string>, then: string, { more = [], ...plan }: Extra = {}) {
  tokens();
  bench = new AgentBench({ controllerUrl: server.url });
  await bench.start();
  const attempt = bench.controller.offer(
    planOf([checkoutStep(inputs), runStep(then), ...more], { sha: second, ...plan }),
  );
  const finish = await bench.finished(attempt, 20_000);
  const log = (stream: string) => bench?.controller.log(attempt, stream).toString() ?? "";
  return { finish, attempt, checkout: log("0"), after: log("1"), system: log("system") };
}

const hasLfs = () => spawnSync("git", ["lfs", "version"]).status === 0;

describe("checkout", () => {
  it("brings the commit of the run, on its branch, through the gateway with the job's own token", async () => {
    const seen = await checkOut(
      {},
      "cat file; git rev-parse HEAD; git branch --show-current; git rev-list --count HEAD",
    );
    expect(seen.checkout).toContain(second);
    expect(seen.after).toBe(`two\n${second}\nmain\n1\n`);
    expect(tokens()).toEqual([seen.attempt.jobToken]);
    expect(seen.finish.outcome).toBe("succeeded");
  });

  it("brings the whole history when asked", async () => {
    const seen = await checkOut({ "fetch-depth": "0" }, "git rev-list --count HEAD; git tag; git log --format=%s");
    expect(seen.after).toBe("2\nv1\nsecond\nfirst\n");
  });

  it("brings another ref, into another folder", async () => {
    const seen = await checkOut({ ref: "v1", path: "old" }, "cat old/file; git -C old rev-parse HEAD");
    expect(seen.after).toBe(`one\n${first}\n`);
  });

  it("brings a branch that is called as what is checked out", async () => {
    const work = join(server.folder, "work/acme/app");
    server.git(work, "push", "-q", "origin", "HEAD:refs/heads/HEAD");
    const seen = await checkOut({}, "git rev-parse HEAD", { ref: "refs/heads/HEAD" });
    expect([seen.checkout, seen.after]).toEqual([expect.stringContaining("HEAD is now at"), `${second}\n`]);
    server.git(work, "push", "-q", "origin", ":refs/heads/HEAD");
  });

  it("brings a commit by its hash", async () => {
    const seen = await checkOut({ ref: first }, "cat file; git rev-parse HEAD");
    expect(seen.after).toBe(`one\n${first}\n`);
  });

  it("lets later steps use git again, unless told to keep nothing", async () => {
    const kept = await checkOut({}, "git fetch -q origin v1 && echo fetched");
    expect(kept.after).toBe("fetched\n");
    await bench?.stop();
    const gone = await checkOut(
      { "persist-credentials": "false" },
      "GIT_TERMINAL_PROMPT=0 git fetch -q origin v1 2>/dev/null || echo refused",
    );
    expect(gone.after).toBe("refused\n");
  });

  it("says what is wrong with a ref that is not there, or is no ref", async () => {
    const missing = await checkOut({ ref: "nowhere" }, "true");
    expect(missing.finish.outcome).toBe("failed");
    expect(missing.checkout).toContain("there is no branch or tag 'nowhere' in acme/app");
    await bench?.stop();
    const odd = await checkOut({ ref: "--upload-pack=touch" }, "true");
    expect(odd.system).toContain("is not a name git allows");
  });

  it("brings only the folders that are asked for, and tags when they are", async () => {
    const seen = await checkOut(
      { "sparse-checkout": "none\n", "fetch-tags": "true", "fetch-depth": "2" },
      "git sparse-checkout list; git tag",
    );
    expect(seen.after).toBe("none\nv1\n");
  });

  it("says what git-lfs is for where it is missing", async () => {
    if (hasLfs()) return;
    const seen = await checkOut({ lfs: "true" }, "true");
    expect(seen.finish.outcome).toBe("failed");
    expect(seen.checkout).toMatch(/git-lfs, which is not installed on this agent .*apt install git-lfs/);
  });

  it("says what has no effect, and takes its own repository by name", async () => {
    const inputs = { repository: "Acme/App", token: "mine", "github-server-url": "https://github.com", speed: "9" };
    const seen = await checkOut(inputs, "cat file");
    expect(seen.after).toBe("two\n");
    expect(seen.checkout).toMatch(/'speed' has no effect[\s\S]*job's own token is used[\s\S]*github-server-url has no/);
  });

  it("brings no files that are not looked at, when a filter says so", async () => {
    const seen = await checkOut(
      { filter: "blob:none", "fetch-depth": "0" },
      "cat file; git rev-list --objects --all --missing=print | grep -c '^?'; git show v1:file",
    );
    expect(seen.after).toBe("two\n1\none\n");
  });

  it("refuses a short commit id, and a commit that is not there, in a sentence", async () => {
    const short = await checkOut({ ref: second.slice(0, 8) }, "true");
    expect(short.checkout).toContain("a commit is named by all digits of its id");
    await bench?.stop();
    const missing = await checkOut({ ref: "b".repeat(40) }, "true");
    expect(missing.checkout).toContain("could not be fetched from acme/app");
  });

  it("takes the credentials away when the job's steps are over", async () => {
    const { attempt, finish } = await checkOut({}, `cp -a .git ${join(server.folder, "kept")} && exec 9<.git/config`);
    expect(finish.outcome).toBe("succeeded");
    expect(bench?.lastReport(attempt, 2)).toMatchObject({ name: "Post Run actions/checkout@v4", outcome: "succeeded" });
    expect(bench?.controller.log(attempt, "2").toString()).toContain("credentials of the checkout are removed");
    expect(readFileSync(join(server.folder, "kept/config"), "utf8")).toContain("extraheader");
  });

  it("begins anew in a folder that it, or a step, used before, and keeps who the author is", async () => {
    const { attempt } = await checkOut(
      {},
      "git config user.name Bo; git checkout -q -b mine; touch extra; echo x > file",
      {
        more: [checkoutStep(), runStep("ls; cat file; git config user.name; git branch --list mine")],
      },
    );
    expect(bench?.controller.log(attempt, "3").toString()).toBe("file\ntwo\nBo\n");
  });

  it("brings submodules of the farm's own, by a relative address", async () => {
    const sha = server.add("acme/super", (_work, git) => {
      git("submodule", "--quiet", "add", join(server.folder, "git/acme/app.git"), "self");
      git("config", "--file", ".gitmodules", "submodule.self.url", "../app");
      git("commit", "-qam", "with a submodule");
    });
    const of = { sha, repository: "acme/super" };
    const seen = await checkOut({ submodules: "true" }, "cat self/file; cd self && git fetch -q", of);
    expect(seen.after).toBe("two\n");
    await bench?.stop();
    const without = await checkOut({}, "ls self", of);
    expect(without.after).toBe("");
  });

  it("never shows its token: not in the log, not in an argv", async () => {
    const seen = await checkOut({}, "cat .git/config");
    expect(seen.after).toContain("AUTHORIZATION: basic ***");
    expect(seen.checkout + seen.after + seen.system).not.toContain(seen.attempt.jobToken);
  });
});

describe("gateway", () => {
  it("lets nobody in but a running job, to push to nothing but its own repository", async () => {
    tokens();
    const gateway = await startGateway({
      controllerUrl: server.url,
      logger: createLogger({ component: "test", level: "silent" }),
    });
    const leave = gateway.admit({
      ...{ jobToken: "wrt_one", farmToken: "wrt_farm", repository: "acme/app", runId: 1, jobId: 2 },
    });
    const base = gateway.apiUrl.replace("/api/v3", "");
    const ask = async (path: string, token?: string, method = "GET") =>
      (await fetch(base + path, { method, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }))
        .status;
    const refs = "/acme/app/info/refs?service=git-upload-pack";
    expect(await ask(refs, "wrt_one")).toBe(200);
    expect(await ask(refs)).toBe(401);
    expect(await ask(refs, "wrt_two")).toBe(401);
    expect(await ask("/acme/other/info/refs?service=git-receive-pack", "wrt_one")).toBe(403);
    // whether it may be read is the farm's to say
    expect(await ask("/acme/other/info/refs?service=git-upload-pack", "wrt_one")).toBe(404);
    expect(await ask("/acme/app/info/refs?service=git-shell", "wrt_one")).toBe(400);
    expect(await ask("/acme/app/config", "wrt_one")).toBe(404);
    expect(await ask("/acme/../etc/passwd", "wrt_one")).toBe(404);
    // the controller sees the token that holds now, never the one the job knows
    expect(tokens()).toEqual(["wrt_farm"]);
    leave();
    expect(await ask(refs, "wrt_one")).toBe(401);
    await gateway.stop();
  });
});
