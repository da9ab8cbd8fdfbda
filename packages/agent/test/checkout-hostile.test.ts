import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AgentBench } from "./agent-bench.ts";
import { checkoutStep, planOf, runStep } from "./fake-controller.ts";
import { type GitServer, startGitServer } from "./git-server.ts";

let server: GitServer;
let sha: string;
/** Whatever runs that must not leaves a file in here. */
let canaries: string;
/** Somebody who listens on the machine's loopback. */
let neighbour: Server;
let neighbourUrl: string;
let callsCount = 0;
let bench: AgentBench;

beforeAll(async () => {
  server = await startGitServer();
  sha = server.add("acme/app", () => {});
  canaries = join(server.folder, "canaries");
  mkdirSync(canaries);
  neighbour = createServer((socket) => {
    callsCount++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => neighbour.listen(0, "127.0.0.1", resolve));
  const address = neighbour.address();
  bench = new AgentBench({ controllerUrl: server.url });
  await bench.start();
  neighbourUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
});
afterAll(async () => {
  await bench.stop();
  neighbour.close();
  server.stop();
});

async function run(steps: Plan["steps"], more: Parameters<typeof planOf>[1] = {}) {
  const attempt = bench.controller.offer(planOf(steps, { sha, ...more }));
  const finish = await bench.finished(attempt, 30_000);
  const log = (stream: number) => bench.controller.log(attempt, String(stream)).toString();
  return { finish, attempt, log, outcomes: bench.outcomes(attempt), system: bench.controller.log(attempt, "system") };
}

const touch = (name: string) => `touch ${join(canaries, name)}`;

describe("S29: what a job set does not reach a trusted step", () => {
  it("S29: PATH, LD_PRELOAD, BASH_ENV, GIT_* and NODE_OPTIONS stay outside of a checkout and of its after-part", async () => {
    const env = {
      ...{ LD_PRELOAD: "/nonexistent/canary.so", BASH_ENV: `${canaries}/../bashenv`, ENV: `${canaries}/../bashenv` },
      ...{ GIT_SSH_COMMAND: touch("ssh"), GIT_EXEC_PATH: "/nonexistent", GIT_TRACE: join(canaries, "trace") },
      ...{ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.fsmonitor", GIT_CONFIG_VALUE_0: touch("fsmonitor-env") },
      ...{
        GIT_CONFIG_PARAMETERS: "'core.fsmonitor=false'",
        GIT_DIR: "/nonexistent",
        GIT_PROXY_COMMAND: touch("proxy"),
      },
      ...{ GIT_ASKPASS: join(server.folder, "evil"), GIT_TEMPLATE_DIR: join(server.folder, "template") },
      ...{ http_proxy: neighbourUrl, HTTPS_PROXY: neighbourUrl, ALL_PROXY: neighbourUrl, GIT_EXTERNAL_DIFF: "evil" },
    };
    writeFileSync(join(server.folder, "bashenv"), `${touch("bashenv")}\n`);
    const programs = "git sh find rm mkdir mktemp cat grep sed cut pwd chmod wc sleep git-remote-http".split(" ");
    const lines = [
      `mkdir -p "$RUNNER_TEMP/bin"; cd "$RUNNER_TEMP/bin"`,
      ...programs.map((name) => `printf '#!/bin/sh\\n${touch(`path-${name}`)}\\n' > ${name}; chmod +x ${name}`),
      `echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"`,
      ...Object.entries(env).map(([name, value]) => `echo "${name}=${value}" >> "$GITHUB_ENV"`),
    ];
    const seen = await run(
      [
        runStep(lines.join("\n")),
        { ...checkoutStep(), env: [["NODE_OPTIONS", "--require=/nonexistent"], ...Object.entries(env)] },
      ],
      { env: Object.entries({ NODE_OPTIONS: "--require=/nonexistent/x.js", PERL5OPT: "-Mevil" }) },
    );
    expect(seen.outcomes).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(seen.log(1)).toMatch(/^HEAD is now at [0-9a-f]{40} first\n$/);
    expect(seen.log(3)).toBe("The credentials of the checkout are removed\n");
    expect(readdirSync(canaries)).toEqual([]);
    expect(callsCount).toBe(0);
  });

  it("S29: a set-up step asks the machine's tools, not those that a job put in their place", async () => {
    const names = "node python3 python java go".split(" ");
    const lines = [
      `mkdir -p "$RUNNER_TEMP/tools"; cd "$RUNNER_TEMP/tools"`,
      ...names.map(
        (name) => `printf '#!/bin/sh\\n${touch(`tool-${name}`)}; echo v99.0.0\\n' > ${name}; chmod +x ${name}`,
      ),
      `echo "$RUNNER_TEMP/tools" >> "$GITHUB_PATH"`,
      ...["BASH_ENV", "ENV"].map((name) => `echo "${name}=${server.folder}/bashenv" >> "$GITHUB_ENV"`),
      `echo "LD_PRELOAD=/nonexistent/canary.so" >> "$GITHUB_ENV"`,
    ];
    const uses = (name: string) => ({ ...checkoutStep(), uses: `actions/${name}`, continueOnError: "true" });
    const seen = await run([
      runStep(lines.join("\n")),
      ...["setup-node@v4", "setup-python@v5", "setup-go@v5"].map(uses),
    ]);
    expect(seen.outcomes[0]).toBe("succeeded");
    expect([seen.log(1), seen.log(2), seen.log(3)].join("")).not.toMatch(/99\.0\.0|canary/);
    expect(readdirSync(canaries)).toEqual([]);
  });

  it("S29: a repository's configuration that an earlier step wrote starts no program", async () => {
    const evil = (name: string) => `sh -c '${touch(name)}'`;
    const settings = {
      ...{ "core.fsmonitor": evil("fsmonitor"), "core.sshCommand": evil("ssh"), "core.hooksPath": "evil-hooks" },
      ...{ "filter.evil.smudge": evil("smudge"), "filter.evil.clean": evil("clean"), "filter.evil.required": "true" },
      ...{ "credential.helper": `!${evil("helper")}`, "core.gitProxy": evil("gitproxy"), "http.proxy": neighbourUrl },
      ...{
        "core.alternateRefsCommand": evil("alternates"),
        "core.pager": evil("pager"),
        "core.askPass": evil("askpass"),
      },
      ...{ "remote.origin.uploadpack": evil("uploadpack"), "gpg.program": evil("gpg"), "log.showSignature": "true" },
      ...{ "uploadpack.packObjectsHook": evil("pack"), "diff.external": evil("diff"), "core.editor": evil("editor") },
      "url.ext::sh -c evil.insteadOf": "http://",
    };
    const config = (file: string) =>
      Object.entries(settings).map(([name, value]) => `git config --file ${file} ${quote(name)} ${quote(value)}`);
    const lines = [
      "git init -q . && mkdir evil-hooks && echo '* filter=evil' > .git/info/attributes",
      ...["post-checkout", "reference-transaction", "post-index-change"].flatMap((hook) =>
        [".git/hooks", "evil-hooks"].map(
          (folder) =>
            `mkdir -p ${folder}; printf '#!/bin/sh\\n${touch(hook)}\\n' > ${folder}/${hook}; chmod +x ${folder}/${hook}`,
        ),
      ),
      ...config("included"),
      ...config("$HOME/.gitconfig"),
      `mkdir -p "$HOME/.config/git"`,
      ...config("$HOME/.config/git/config"),
      "git config --file .git/config include.path ../included",
      ...config(".git/config"),
      "git config --file .git/config user.name Bo",
    ];
    const seen = await run([
      runStep(lines.join("\n")),
      checkoutStep(),
      runStep(
        "rm -f $HOME/.gitconfig $HOME/.config/git/config; cat file; git config --get-all user.name; git config --list",
      ),
    ]);
    expect(seen.outcomes).toEqual(["succeeded", "succeeded", "succeeded", "succeeded"]);
    expect(seen.log(2)).toMatch(/^one\nBo\n/);
    expect(seen.log(2)).not.toContain("evil");
    expect(readdirSync(canaries)).toEqual([]);
  });

  it("S29: a `.git` that leads elsewhere is not followed, nor a folder that leads out of the workspace", async () => {
    const seen = await run([
      runStep(`mkdir "$HOME/elsewhere"; echo kept > "$HOME/elsewhere/kept"; ln -s "$HOME/elsewhere" .git`),
      checkoutStep(),
      runStep(`cat "$HOME/elsewhere/kept"; ls "$HOME/elsewhere"; cat file; rm -rf out; ln -s "$HOME/elsewhere" out`),
      checkoutStep({ path: "out" }),
    ]);
    expect(seen.log(2)).toBe("kept\nkept\none\n");
    expect(seen.outcomes.slice(0, 4)).toEqual(["succeeded", "succeeded", "succeeded", "failed"]);
    expect(seen.log(3)).toContain("leads out of the workspace");
  });
});

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

describe("S22: what a repository and a ref may be", () => {
  it.each([
    { ref: "--upload-pack=touch /tmp/x" },
    { ref: "--upload-pack=touch" },
    { ref: "--output=canary" },
    { ref: "@{-1}" },
    { ref: "@" },
    { ref: "-oProxyCommand=evil" },
    { ref: "main:refs/heads/x" },
    { ref: "+main" },
    { ref: "a..b" },
    { ref: "$(touch canary)" },
    { ref: "`touch canary`" },
    { ref: "main\nother" },
    { repository: "ext::sh -c evil" },
    { repository: "file:///etc" },
    { repository: "--upload-pack=touch/x" },
    { repository: "-oProxyCommand=evil/x" },
    { repository: "acme/../../etc" },
    { repository: "http://127.0.0.1/acme/app" },
    { repository: "git@github.com:acme/app" },
    { path: "../elsewhere" },
    { path: "/etc" },
    { path: "a/.git/hooks" },
    { filter: "sparse:oid=x" },
    { "fetch-depth": "1 --upload-pack=x" },
    { "ssh-key": "x" },
  ])("S22: refuses %j, and runs nothing of it", async (inputs) => {
    const marked = Object.fromEntries(
      Object.entries(inputs).map(([name, text]) => [name, text.replaceAll("canary", join(canaries, "canary"))]),
    );
    const seen = await run([checkoutStep(marked)]);
    expect(seen.outcomes[0]).toBe("failed");
    expect(seen.log(0)).not.toContain("HEAD is now");
    expect(readdirSync(canaries)).toEqual([]);
    expect(existsSync("/tmp/x")).toBe(false);
  });

  it("S22: a branch that begins as an option is checked out as a commit", async () => {
    server.git(join(server.folder, "work/acme/app"), "push", "-q", "origin", "HEAD:refs/heads/-x");
    const seen = await run([checkoutStep(), runStep("git rev-parse HEAD")], { ref: "refs/heads/-x" });
    expect(seen.log(1)).toBe(`${sha}\n`);
  });
});

describe("S23: what a repository brings along is data", () => {
  it("S23: the hook of a submodule behind a link, a filter and an update command do not run", async () => {
    const inner = server.add("acme/inner", (work, git) => {
      mkdirSync(join(work, "y/hooks"), { recursive: true });
      writeFileSync(join(work, "y/hooks/post-checkout"), `#!/bin/sh\n${touch("submodule-hook")}\n`);
      chmodSync(join(work, "y/hooks/post-checkout"), 0o755);
      writeFileSync(join(work, ".gitattributes"), "* filter=evil\n");
      git("add", ".");
      git("commit", "-qm", "hooks");
    });
    const outer = server.add("acme/outer", (work, git) => {
      symlinkSync(".git", join(work, "a"));
      writeFileSync(join(work, ".gitattributes"), "* filter=evil\n");
      git("add", "a", ".gitattributes");
      git("update-index", "--add", "--cacheinfo", `160000,${inner},A/modules/x`);
      writeFileSync(join(work, ".gitmodules"), '[submodule "x/y"]\n\tpath = A/modules/x\n\turl = ../inner\n');
      git("add", ".gitmodules");
      git("commit", "-qm", "a submodule behind a link");
    });
    const prepare = runStep(`git config --global filter.evil.smudge '${touch("filter")}; cat'`);
    const seen = await run([prepare, checkoutStep({ submodules: "recursive" }), runStep("cat A/modules/x/file")], {
      sha: outer,
      repository: "acme/outer",
    });
    expect(seen.log(2)).toBe("one\n");
    expect(readdirSync(canaries)).toEqual([]);
  });

  it.each([
    ["an update command", "../inner", `\tupdate = !${"touch"} canary\n`],
    ["a program as its address", "ext::sh -c 'touch canary'", ""],
    ["a folder of the machine", "file:///etc", ""],
    ["an option as its address", "--upload-pack=touch", ""],
    ["the machine's loopback", "LOOPBACK/x.git", ""],
    ["the loopback in other words", "http://0x7f000001/x.git", ""],
  ])("S23: a submodule with %s comes to nothing", async (_what, url, more) => {
    const of = (text: string) => text.replace("canary", join(canaries, "canary")).replace("LOOPBACK", neighbourUrl);
    const name = `acme/sub-${readdirSync(join(server.folder, "git/acme")).length}`;
    const commit = server.add(name, (work, git) => {
      git("update-index", "--add", "--cacheinfo", `160000,${sha},inner`);
      writeFileSync(join(work, ".gitmodules"), of(`[submodule "inner"]\n\tpath = inner\n\turl = ${url}\n${more}`));
      git("add", ".gitmodules");
      git("commit", "-qm", "a submodule");
    });
    const seen = await run([checkoutStep({ submodules: "recursive" })], { sha: commit, repository: name });
    expect(seen.outcomes[0]).toBe("failed");
    expect(readdirSync(canaries)).toEqual([]);
    expect(callsCount).toBe(0);
    // nobody asked for it
    const without = await run([checkoutStep()], { sha: commit, repository: name });
    expect(without.outcomes[0]).toBe("succeeded");
  });

  it("S23: submodules within submodules end at a depth", async () => {
    let commit = sha;
    let below = "app";
    for (let level = 1; level <= 9; level++) {
      const [at, url] = [commit, `../${below}`];
      commit = server.add(`acme/deep-${level}`, (work, git) => {
        git("update-index", "--add", "--cacheinfo", `160000,${at},next`);
        writeFileSync(join(work, ".gitmodules"), `[submodule "next"]\n\tpath = next\n\turl = ${url}\n`);
        git("add", ".gitmodules");
        git("commit", "-qm", "deeper");
      });
      below = `deep-${level}`;
    }
    const seen = await run([checkoutStep({ submodules: "recursive" }), runStep("true")], {
      sha: commit,
      repository: "acme/deep-9",
    });
    expect(seen.outcomes[0]).toBe("failed");
    expect(seen.log(0)).toContain("submodules are nested deeper than 8");
  });

  it("S23: `.lfsconfig` leads nobody to the machine's loopback", async () => {
    const commit = server.add("acme/large", (work, git) => {
      writeFileSync(join(work, ".lfsconfig"), `[lfs]\n\turl = ${neighbourUrl}/lfs\n`);
      writeFileSync(join(work, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 3\n`;
      writeFileSync(join(work, "large.bin"), pointer);
      git("-c", "filter.lfs.required=false", "add", ".");
      git("commit", "-qm", "large");
    });
    for (const lfs of ["false", "true"]) {
      const seen = await run([checkoutStep({ lfs }), runStep("true")], { sha: commit, repository: "acme/large" });
      // the farm of this test serves no large files, or git-lfs is missing: it fails without having asked anybody else
      expect(seen.outcomes[0]).toBe(lfs === "true" ? "failed" : "succeeded");
    }
    expect(callsCount).toBe(0);
  });
});
