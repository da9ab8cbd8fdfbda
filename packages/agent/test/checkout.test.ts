import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@windrow/service";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startGateway } from "../src/gateway/gateway.ts";
import { AgentBench } from "./agent-bench.ts";
import { checkoutStep, planOf, runStep } from "./fake-controller.ts";

/** The controller's git address: real git behind it, and a note of every token that came. */
let folder: string;
let server: Server;
let controllerUrl: string;
let tokens: Set<string>;
let first: string;
let second: string;
let bench: AgentBench | undefined;

const git = (cwd: string, ...args: string[]) =>
  execFileSync("git", args, { cwd, encoding: "utf8", env: { PATH: "/usr/bin:/bin", HOME: folder, ...AUTHOR } }).trim();
const AUTHOR = {
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windrow-checkout-"));
  const bare = join(folder, "git", "acme", "app.git");
  const work = join(folder, "work");
  mkdirSync(work, { recursive: true });
  mkdirSync(bare, { recursive: true });
  git(bare, "init", "-q", "--bare", "-b", "main");
  git(work, "init", "-q", "-b", "main");
  writeFileSync(join(work, "file"), "one\n");
  git(work, "add", "file");
  git(work, "commit", "-qm", "first");
  first = git(work, "rev-parse", "HEAD");
  git(work, "tag", "v1");
  writeFileSync(join(work, "file"), "two\n");
  git(work, "commit", "-qam", "second");
  second = git(work, "rev-parse", "HEAD");
  git(work, "push", "-q", bare, "main", "v1");
  server = createServer(serveGit);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  controllerUrl = `http://127.0.0.1:${port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await bench?.stop();
  bench = undefined;
});

function serveGit(request: IncomingMessage, response: ServerResponse): void {
  const [, text = ""] = (request.headers.authorization ?? "").split(" ");
  tokens.add(Buffer.from(text, "base64").toString().replace("x-access-token:", ""));
  const url = new URL(request.url ?? "/", "http://localhost");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: "/usr/bin:/bin",
      GIT_PROJECT_ROOT: join(folder, "git"),
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
      PATH_INFO: url.pathname.replace(/^\/git/, ""),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      REMOTE_USER: "job",
    },
  });
  request.pipe(backend.stdin);
  const pieces: Buffer[] = [];
  backend.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  backend.on("close", () => {
    const output = Buffer.concat(pieces);
    const split = output.indexOf("\r\n\r\n");
    for (const line of output.subarray(0, split).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(": ");
      if (name.toLowerCase() === "status") response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(output.subarray(split + 4));
  });
}

async function checkOut(inputs: Record<string, string>, then: string, more: Parameters<typeof planOf>[1] = {}) {
  tokens = new Set();
  bench = new AgentBench({ controllerUrl });
  await bench.start();
  const attempt = bench.controller.offer(planOf([checkoutStep(inputs), runStep(then)], { sha: second, ...more }));
  const finish = await bench.finished(attempt, 20_000);
  const log = (stream: string) => bench?.controller.log(attempt, stream).toString() ?? "";
  return { finish, attempt, checkout: log("0"), after: log("1"), system: log("system") };
}

describe("checkout", () => {
  it("brings the commit of the run, on its branch, through the gateway with the job's own token", async () => {
    const seen = await checkOut(
      {},
      "cat file; git rev-parse HEAD; git branch --show-current; git rev-list --count HEAD",
    );
    expect(seen.checkout).toContain(second);
    expect(seen.after).toBe(`two\n${second}\nmain\n1\n`);
    expect([...tokens]).toEqual([seen.attempt.jobToken]);
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

  it.each([
    [{ repository: "acme/other" }, /'acme\/other' cannot be checked out: .* acme\/app only/],
    [{ lfs: "true" }, /git LFS/],
    [{ "ssh-key": "x" }, /ssh-key cannot be used/],
  ])("refuses %j by name", async (inputs, why) => {
    const seen = await checkOut(inputs, "true");
    expect(seen.finish.outcome).toBe("failed");
    expect(seen.system).toMatch(why);
  });

  it("says what has no effect, and takes its own repository by name", async () => {
    const seen = await checkOut({ repository: "Acme/App", filter: "blob:none", token: "mine" }, "cat file");
    expect(seen.after).toBe("two\n");
    expect(seen.checkout).toMatch(/'filter' has no effect[\s\S]*the job's own token is used/);
  });

  it("brings submodules of the farm's own, by a relative address", async () => {
    const work = join(folder, "with-submodule");
    git(folder, "clone", "-q", join(folder, "git/acme/app.git"), work);
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./", "self");
    git(work, "commit", "-qm", "with a submodule");
    const sha = git(work, "rev-parse", "HEAD");
    git(work, "push", "-q", "origin", "HEAD:refs/heads/nested");
    const seen = await checkOut({ submodules: "true" }, "cat self/file", { sha, ref: "refs/heads/nested" });
    expect(seen.after).toBe("two\n");
    await bench?.stop();
    const without = await checkOut({}, "ls self", { sha, ref: "refs/heads/nested" });
    expect(without.after).toBe("");
  });

  it("never shows its token: not in the log, not in an argv", async () => {
    const seen = await checkOut({}, "cat .git/config");
    expect(seen.after).toContain("AUTHORIZATION: basic ***");
    expect(seen.checkout + seen.after + seen.system).not.toContain(seen.attempt.jobToken);
  });
});

describe("gateway", () => {
  it("lets nobody in but a running job, to nothing but its own repository", async () => {
    tokens = new Set();
    const gateway = await startGateway({ controllerUrl, logger: createLogger({ component: "test", level: "silent" }) });
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
    expect(await ask("/acme/other/info/refs?service=git-upload-pack", "wrt_one")).toBe(403);
    expect(await ask("/acme/app/info/refs?service=git-shell", "wrt_one")).toBe(400);
    expect(await ask("/acme/app/config", "wrt_one")).toBe(404);
    expect(await ask("/acme/../etc/passwd", "wrt_one")).toBe(404);
    // the controller sees the token that holds now, never the one the job knows
    expect([...tokens]).toEqual(["wrt_farm"]);
    leave();
    expect(await ask(refs, "wrt_one")).toBe(401);
    await gateway.stop();
  });
});
