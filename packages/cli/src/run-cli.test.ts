import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@windrow/service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureStream } from "../test/capture-output.ts";
import {
  at,
  sampleAgent,
  sampleAttempt,
  sampleJob,
  sampleRun,
  sampleStep,
  sampleToken,
  sampleWholeRun,
  T0,
  T0_MS,
} from "../test/samples.ts";
import { type SeenRequest, type StubFarm, sendJson, sse, startStubFarm } from "../test/stub-farm.ts";
import { RESERVED } from "./commands/reserved-commands.ts";
import { runCli } from "./run-cli.ts";
import { VERSION } from "./version.ts";

const finished = sampleJob({
  state: "finished",
  outcome: "failed",
  conclusion: "failure",
  attempt_count: 1,
  started_at: at(0),
  finished_at: at(5),
});
const passed = sampleJob({
  ...finished,
  id: 101,
  key: "lint",
  name: "lint",
  outcome: "succeeded",
  conclusion: "success",
});
const repository = {
  id: 1,
  owner: "me",
  name: "app",
  full_name: "me/app",
  default_branch: "main",
  language: null,
  clone_url: "http://farm/git/me/app.git",
  created_by: "alice",
  created_at: T0,
};
const page = (...items: unknown[]) => ({ items, next_cursor: null });
const LOG_BYTES = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

const BROKEN = {
  severity: "error",
  code: "unknown-key",
  message: 'unknown key "step"',
  hint: 'did you mean "steps"?',
  file: "ci.yml",
  line: 4,
  column: 7,
};

/** Answers every route with something of the right shape. */
function answer({ method, path: target }: SeenRequest, response: ServerResponse): void {
  const route = `${method} ${target.split("?")[0]}`;
  const answers: Record<string, unknown> = {
    "GET /api/v1/runs/14": sampleWholeRun([sampleJob({ run_id: 14 })], { id: 14, has_started: false }),
    "GET /api/v1/runs/15": {
      ...sampleWholeRun([], { id: 15, state: "finished", conclusion: "failure" }),
      diagnostics: [{ ...BROKEN }],
    },
    "GET /api/v1/runs": page(
      sampleRun(),
      sampleRun({ id: 11, title: "Open the window", state: "finished", conclusion: "success", finished_at: at(61) }),
    ),
    "POST /api/v1/runs": { runs: [sampleRun()] },
    "GET /api/v1/runs/12": sampleWholeRun([finished, passed]),
    "POST /api/v1/runs/12/cancel": sampleRun({ cancel_requested_at: T0 }),
    "POST /api/v1/runs/12/rerun": sampleRun({ attempt: 2 }),
    "GET /api/v1/jobs/100": sampleJob({
      ...finished,
      attempts: [
        sampleAttempt({
          steps: [sampleStep({ outcome: "failed", state: "finished", exit_code: 2, finished_at: at(4) })],
        }),
      ],
    }),
    "GET /api/v1/jobs/100/streams": {
      attempt_id: sampleAttempt().id,
      attempt_no: 1,
      streams: [
        {
          stream: "system",
          length_bytes: 0,
          line_count: 0,
          sha256: null,
          sealed_at: null,
          truncated_at: null,
          produced_bytes: null,
        },
        {
          stream: "0",
          length_bytes: LOG_BYTES.length,
          line_count: 1,
          sha256: null,
          sealed_at: null,
          truncated_at: null,
          produced_bytes: null,
        },
      ],
    },
    "GET /api/v1/jobs/101": passed,
    "POST /api/v1/jobs/100/cancel": finished,
    "GET /healthz": { state: "ok" },
    "GET /readyz": { state: "ok" },
    "GET /api/v1/whoami": { kind: "user", name: "alice", role: "admin", owner: null, permissions: ["farm:read"] },
    "GET /api/v1/farm": {
      version: VERSION,
      public_url: "http://farm",
      git_url: "http://farm/git",
      grpc_address: "farm:7071",
      nats_urls: [],
      time: new Date(T0_MS + 65_000).toISOString(),
      controllers: [],
      checks: [{ name: "database", state: "failed", detail: "disk is full", hint: "make room" }],
    },
    "GET /api/v1/agents": page(
      sampleAgent(),
      sampleAgent({ name: "big", state: "draining", slots_used: 1, drain_reason: "update" }),
    ),
    "GET /api/v1/agents/agent-1": sampleAgent(),
    "POST /api/v1/agents/agent-1/drain": sampleAgent({ state: "draining" }),
    "POST /api/v1/agents/agent-1/resume": sampleAgent(),
    "GET /api/v1/repositories": page(repository),
    "POST /api/v1/repositories": repository,
    "GET /api/v1/repositories/me/app": repository,
    "PATCH /api/v1/repositories/me/app": { ...repository, default_branch: "trunk" },
    "GET /api/v1/tokens": page(sampleToken()),
    "POST /api/v1/tokens": {
      token: sampleToken({ kind: "join", expires_at: at(3600), pool: "python", uses_max: 5, role: null }),
      secret: "wrj_secret",
    },
    "DELETE /api/v1/agents/agent-1": sampleAgent({ state: "removed", removed_at: T0 }),
    "DELETE /api/v1/repositories/me/app": repository,
    [`DELETE /api/v1/tokens/${sampleToken().id}`]: sampleToken({ revoked_at: T0 }),
  };
  if (target.includes("state=lost")) {
    const stopped = sampleAgent({ name: "off", state: "lost", stopped_at: T0 });
    sendJson(response, page(stopped, sampleAgent({ name: "gone", state: "lost" })));
    return;
  }
  if (target.includes("branch=queued")) {
    sendJson(response, page(sampleRun({ id: 14, has_started: false })));
    return;
  }
  if (route in answers) {
    sendJson(response, answers[route]);
    return;
  }
  if (route === "GET /api/v1/jobs/100/logs") return void response.writeHead(200).end(LOG_BYTES);
  if (route === "POST /api/v1/runs/12/follow") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    return void response.end(
      sse("job", finished) + sse("end", sampleRun({ state: "finished", conclusion: "failure", finished_at: at(61) })),
    );
  }
  const problem = {
    type: "about:blank",
    title: "t",
    status: 404,
    code: "not_found",
    detail: `nothing at ${target}`,
    request_id: "r",
  };
  sendJson(response, problem, 404);
}

let farm: StubFarm;
let folder: string;
beforeAll(async () => {
  farm = await startStubFarm(answer);
  folder = mkdtempSync(path.join(tmpdir(), "windrow-cli-run-"));
  execFileSync("git", ["init", "--quiet", "--initial-branch=feature"], { cwd: folder });
  execFileSync("git", ["remote", "add", "origin", `${farm.url}/git/me/app.git`], { cwd: folder });
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface RunOptions {
  environment?: Record<string, string>;
  cwd?: string;
  tty?: boolean;
  interrupt?: AbortSignal;
}

async function run(args: string[], options: RunOptions = {}) {
  const from = farm.requests.length;
  const out = captureStream(options.tty ? { columns: 100, rows: 30 } : undefined);
  const err = captureStream();
  const code = await runCli({
    args,
    out,
    err,
    environment: { HOME: folder, NO_COLOR: "1", WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t", ...options.environment },
    cwd: options.cwd ?? folder,
    clock: { ...systemClock, nowMs: () => T0_MS + 65_000 },
    withInterrupt: (work) => work(options.interrupt ?? new AbortController().signal),
  });
  const requests = farm.requests
    .slice(from)
    .map(({ method, path: target, body }) => [`${method} ${target}`, ...(body === undefined ? [] : [body])]);
  return { code, out: out.text(), bytes: out.bytes(), err: err.text(), requests };
}

describe("a command line becomes requests", () => {
  const cases: [line: string, ...requests: unknown[][]][] = [
    ["run list", ["GET /api/v1/runs?repository=me%2Fapp&limit=20"]],
    [
      "run list -a -n 5 --branch main --state finished --conclusion failure -w ci.yml",
      ["GET /api/v1/runs?branch=main&workflow=ci.yml&state=finished&conclusion=failure&limit=5"],
    ],
    ["run list -R you/other", ["GET /api/v1/runs?repository=you%2Fother&limit=20"]],
    ["run view #12 --json", ["GET /api/v1/runs/12"]],
    ["run view 12 --attempt 1 --json", ["GET /api/v1/runs/12?attempt=1"]],
    ["run view --json", ["GET /api/v1/runs?limit=1&repository=me%2Fapp"], ["GET /api/v1/runs/12"]],
    ["run logs 12 --job build", ["GET /api/v1/runs/12"], ["GET /api/v1/jobs/100/logs"]],
    [
      "run logs 12 --failed --step 2 --attempt 1",
      ["GET /api/v1/runs/12"],
      ["GET /api/v1/jobs/100/logs?stream=1&attempt=1"],
    ],
    ["run logs 12 --job 100 --step 0", ["GET /api/v1/runs/12"], ["GET /api/v1/jobs/100/logs?stream=system"]],
    ["run start", ["POST /api/v1/runs", { repository: "me/app", inputs: {}, ref: "feature" }]],
    [
      "run start deploy.yml --ref v1 -i a=b -i c=d=e",
      ["POST /api/v1/runs", { repository: "me/app", inputs: { a: "b", c: "d=e" }, ref: "v1", workflow: "deploy.yml" }],
    ],
    ["run start -R you/other", ["POST /api/v1/runs", { repository: "you/other", inputs: {} }]],
    ["run cancel 12 -m wrong", ["POST /api/v1/runs/12/cancel", { reason: "wrong" }]],
    ["run cancel 12 --job build", ["GET /api/v1/runs/12"], ["POST /api/v1/jobs/100/cancel", {}]],
    ["run rerun 12", ["POST /api/v1/runs/12/rerun", { mode: "all" }]],
    ["run rerun 12 --failed", ["POST /api/v1/runs/12/rerun", { mode: "failed" }]],
    ["run rerun 12 --job build", ["GET /api/v1/runs/12"], ["POST /api/v1/runs/12/rerun", { job_id: 100 }]],
    ["agent list --pool python --state ready", ["GET /api/v1/agents?pool=python&state=ready"]],
    ["agent view agent-1", ["GET /api/v1/agents/agent-1"]],
    ["agent drain agent-1 -m update", ["POST /api/v1/agents/agent-1/drain", { reason: "update" }]],
    ["agent resume agent-1", ["POST /api/v1/agents/agent-1/resume"]],
    ["agent remove agent-1", ["DELETE /api/v1/agents/agent-1"]],
    ["repo list", ["GET /api/v1/repositories"]],
    ["repo add app", ["POST /api/v1/repositories", { name: "app" }]],
    [
      "repo add me/app --default-branch trunk",
      ["POST /api/v1/repositories", { owner: "me", name: "app", default_branch: "trunk" }],
    ],
    ["repo set me/app --default-branch trunk", ["PATCH /api/v1/repositories/me/app", { default_branch: "trunk" }]],
    ["repo delete me/app --yes", ["GET /api/v1/repositories/me/app"], ["DELETE /api/v1/repositories/me/app"]],
    [
      "token create --join --pool python --ttl 1h --uses 5",
      ["POST /api/v1/tokens", { kind: "join", ttl_seconds: 3600, pool: "python", uses_max: 5 }],
    ],
    [
      "token create bob --role reader --owner me --ttl 30d",
      ["POST /api/v1/tokens", { kind: "user", name: "bob", ttl_seconds: 2_592_000, role: "reader", owner: "me" }],
    ],
    ["token list --kind join", ["GET /api/v1/tokens?kind=join"]],
    ["token revoke alice", ["GET /api/v1/tokens"], [`DELETE /api/v1/tokens/${sampleToken().id}`]],
  ];
  test.each(cases)("windrow %s", async (line, ...requests) => {
    const ended = await run(line.split(" "));
    expect(ended.err).not.toContain("error:");
    expect(ended.requests).toEqual(requests);
    expect(ended.code).toBe(0);
  });
});

describe("a wrong command line asks nothing and ends with 3", () => {
  test.each([
    ["rnu list", "(Did you mean run?)"],
    ["run list --brunch main", "(Did you mean --branch?)"],
    ["run list --limit 1000", "--limit takes a number from 1 to 200"],
    ["run list --state done", "Allowed choices are waiting, running, finished"],
    ["run view twelve", "is not the id of a run"],
    ["run start -i nothing", "is not name=value"],
    ["run rerun 12 --failed --job build", "exclude each other"],
    ["run cancel", "missing required argument 'run'"],
    ["repo set app --default-branch x", "is not owner/name"],
    ["token create", "a user token needs a name"],
    ["token create x --pool p", "add --join"],
    ["token create --join --ttl soon", "--ttl takes a duration"],
    ["agent drain agent-1 --deadline soon", "--deadline takes a duration"],
    ["agent join farm --token wrj_x", "is not the address of a farm"],
    ["agent join http://farm --token wru_x", "not a join token"],
    ["agent join http://farm", "no join token is given"],
    ["agent join http://farm --token wrj_x --token-file y", "exclude each other"],
    ["agent join http://farm --token-file /nowhere/token", "the token file /nowhere/token cannot be read (ENOENT)"],
    ["completion tcsh", "bash|zsh|fish"],
  ])("windrow %s", async (line, message) => {
    const ended = await run(line.split(" "));
    expect(ended.err).toContain(message);
    expect([ended.code, ended.out, ended.requests]).toEqual([3, "", []]);
  });

  test.each([...Object.keys(RESERVED), "run approve", "cache list 3 --x"])("windrow %s is reserved", async (line) => {
    const ended = await run(line.split(" "));
    expect(ended.err).toContain("is not built yet");
    expect(ended.code).toBe(3);
  });

  test("a repository that nothing names", async () => {
    const ended = await run(["run", "start"], { cwd: tmpdir() });
    expect(ended.err).toContain("git remote add farm");
    expect(ended.code).toBe(3);
  });
  test("deleting without --yes says what would happen", async () => {
    const ended = await run(["repo", "delete", "me/app"]);
    expect(ended.err).toContain("windrow repo delete me/app --yes");
    expect([ended.code, ended.requests.length]).toEqual([3, 1]);
  });
});

test("what does not exist ends with 5, and a near name is suggested", async () => {
  expect((await run(["run", "view", "13"])).code).toBe(5);
  const ended = await run(["run", "logs", "12", "--job", "biuld"]);
  expect([ended.code, ended.err]).toEqual([5, 'error: the run has no job "biuld"\nhint: Did you mean "build"?\n']);
});

test("--json prints the API's own shapes and nothing else", async () => {
  const ended = await run(["run", "list", "--json"]);
  expect(JSON.parse(ended.out)).toMatchObject({ items: [{ id: 12 }, { id: 11 }], next_cursor: null });
  expect(ended.err).toBe("");
});

test("a verb that removes prints what it removed with --json", async () => {
  const removed = await run(["agent", "remove", "agent-1", "--json"]);
  expect([JSON.parse(removed.out), removed.err]).toMatchObject([{ name: "agent-1", state: "removed" }, ""]);
  const deleted = await run(["repo", "delete", "me/app", "--yes", "--json"]);
  expect([JSON.parse(deleted.out), deleted.err]).toMatchObject([{ full_name: "me/app" }, ""]);
});

describe("with --json an error is one JSON object on stderr", () => {
  test.each([
    ["run view 13 --json", 5, { code: "not_found", message: "nothing at /api/v1/runs/13" }],
    ["run view twelve --json", 3, { code: "usage", message: '"twelve" is not the id of a run' }],
    ["run list --brunch main --json", 3, { code: "usage", message: "unknown option '--brunch'" }],
    ["run lsit --json", 3, { code: "usage", message: "unknown command 'lsit'", hint: "Did you mean list?" }],
    ["run --json", 3, { code: "usage" }],
    ["run list --state done --json", 3, { code: "usage", message: expect.stringContaining("Allowed choices") }],
    ["team list --json", 3, { code: "usage", message: "`windrow team` is not built yet" }],
    ["run list --url http://127.0.0.1:1 --json", 1, { code: "unreachable", hint: expect.stringContaining("windrow") }],
  ])("windrow %s", async (line, exitCode, error) => {
    const ended = await run(line.split(" "));
    expect([ended.code, ended.out]).toEqual([exitCode, ""]);
    expect(JSON.parse(ended.err)).toMatchObject({ error });
    expect(ended.err.trim().split("\n")).toHaveLength(1);
  });
});

test("run list is an aligned table", async () => {
  expect((await run(["run", "list"])).out.split("\n")).toEqual([
    "RUN  STATE        REPOSITORY  WORKFLOW  REF   TITLE             TIME  CREATED",
    "#12  ● running    me/app      CI        main  Fix the door     1m05s  1m ago",
    "#11  ✓ succeeded  me/app      CI        main  Open the window  1m01s  1m ago",
    "",
  ]);
});

test("a run whose every job waits for an agent is shown as queued", async () => {
  const listed = await run(["run", "list", "-b", "queued"]);
  expect(listed.out).toContain("#14  ○ queued");
  const { out } = await run(["run", "view", "14"]);
  expect(out).toMatch(/^○ #14 .* · queued 1m05s\n/);
  expect(out).toContain("  waits for  an agent\n");
});

test("the logs of a run that could not begin are what is wrong in its workflow file, and end with 1", async () => {
  const ended = await run(["run", "logs", "15"]);
  expect([ended.code, ended.out]).toEqual([1, ""]);
  expect(ended.err).toBe('ci.yml:4:7: error: unknown key "step"\n  hint: did you mean "steps"?\n');
  expect((await run(["run", "logs", "14"])).err).toContain("No job has started yet");
});

test("agent list is an aligned table", async () => {
  expect((await run(["agent", "list"])).out.split("\n")).toEqual([
    "AGENT    STATE       POOL     SLOTS  HOST  VERSION  SEEN    LABELS",
    "agent-1  ● ready     default    0/2  box   0.1.0    1m ago  linux,node",
    "big      ◐ draining  default    1/2  box   0.1.0    1m ago  linux,node",
    "",
  ]);
});

test("an agent that was stopped in order is offline, one that stayed away is lost", async () => {
  const { out } = await run(["agent", "list", "--state", "lost"]);
  expect(
    out
      .split("\n")
      .slice(1, 3)
      .map((line) => line.split(/ {2,}/).slice(0, 2)),
  ).toEqual([
    ["off", "○ offline"],
    ["gone", "✗ lost"],
  ]);
});

test("run view shows jobs and steps", async () => {
  const { out } = await run(["run", "view", "12"]);
  expect(out).toContain("  trigger    push by alice, 1m ago\n");
  expect(out).toContain(
    "✗ build                       failed         5s\n  ✗ npm test                  failed         4s  exit code 2\n",
  );
});

test("the log of one job leaves byte for byte, off a terminal", async () => {
  const { bytes, err } = await run(["run", "logs", "12", "--job", "build"]);
  expect(bytes.equals(LOG_BYTES)).toBe(true);
  expect(err).toBe("");
});

test("on a terminal the log says which step wrote what", async () => {
  const { out, err } = await run(["run", "logs", "12", "--job", "build"], { tty: true });
  expect(err).toBe("─ 1  npm test\n");
  expect(out).not.toBe("");
});

test("keys and a configuration for a nats-server of one's own are written, and wrong places are refused", async () => {
  const out = path.join(folder, "nats");
  const written = await run(["controller", "nats-config", "--out", out, "--nats-port", "4333", "--json"]);
  expect(JSON.parse(written.out)).toEqual({
    keys_file: path.join(out, "keys.json"),
    server_folder: path.join(out, "server"),
    config_file: path.join(out, "server", "nats.conf"),
  });
  const again = await run(["controller", "nats-config", "--out", "nats", "--nats-listen", "10.0.0.2"]);
  expect(again.err).toContain(`nats-server -c ${path.join(out, "server", "nats.conf")}`);
  expect(again.err).toContain("--nats-url nats://10.0.0.2:4222");
  const secure = await run(["controller", "nats-config", "--out", "nats", "--tls-dir", path.join(folder, "tls")]);
  expect(secure.err).toContain("--nats-url tls://HOST:4222");
  expect(readFileSync(path.join(out, "server", "nats.conf"), "utf8")).toContain(path.join(out, "server", "server.pem"));
  expect(statSync(path.join(out, "server", "server.pem")).mode & 0o777).toBe(0o600);
  for (const wrong of [
    ["--nats-port", "0"],
    ["--nats-listen", "host"],
    ["--server-dir", "x"],
    ["--out", "/proc/x"],
  ]) {
    expect((await run(["controller", "nats-config", "--out", "nats", ...wrong])).code, wrong[0]).toBe(3);
  }
});

test("a token's secret is alone on stdout", async () => {
  const { out, err } = await run(["token", "create", "--join"]);
  expect(out).toBe("wrj_secret\n");
  expect(err).toContain(`windrow agent join ${farm.url} --token wrj_secret`);
});

describe("following a run that fails ends with 1", () => {
  test("off a terminal, in lines", async () => {
    const ended = await run(["run", "watch", "12"]);
    expect([ended.code, ended.out]).toEqual([1, "job build: failed in 5s\nrun #12: failed in 1m01s\n"]);
  });
  test("on a terminal, with a verdict that stays", async () => {
    const ended = await run(["run", "watch", "12"], { tty: true });
    expect(ended.code).toBe(1);
    expect(ended.out).toContain("✗ run #12 failed in 1m01s\n");
  });
  test("with --json, one message per line", async () => {
    const ended = await run(["run", "watch", "12", "--json"]);
    const names = ended.out
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line).name);
    expect([ended.code, names]).toEqual([1, ["job", "end"]]);
  });
  test("after a start with --wait", async () => expect((await run(["run", "start", "--wait"])).code).toBe(1));
});

test("Ctrl-C while following ends with 130, leaves the run alone and says how to come back", async () => {
  const ended = await run(["run", "watch", "12"], { interrupt: AbortSignal.abort() });
  expect(ended.code).toBe(130);
  expect(ended.err).toContain("The run goes on.");
  expect(ended.requests.every(([request]) => !String(request).includes("cancel"))).toBe(true);
});

describe("doctor", () => {
  test("lists what it checked, with what the farm says of itself and what to do", async () => {
    const ended = await run(["doctor"]);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain("alice, admin (from environment)");
    expect(ended.out).toMatch(/✗ failed {3}database +disk is full\n +do: make room\n/);
    // what is to be looked at depends on the machine: an engine, a sandbox
    expect(ended.out).toMatch(/\d+ ok, \d+ to look at, 1 failed\n$/);
  });
  test("stops where nothing more can be known", async () => {
    const ended = await run(["doctor", "--json", "--url", "http://127.0.0.1:1"]);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out).checks.at(-1)).toMatchObject({ name: "reach http://127.0.0.1:1", state: "failed" });
  });
});

describe("help", () => {
  test("of every command has examples", async () => {
    const leaves = [
      "try",
      "doctor",
      "controller",
      "controller nats-config",
      "up",
      "completion",
      "run list",
      "run view",
      "run watch",
      "run logs",
      "run start",
      "run cancel",
    ];
    leaves.push(
      "run rerun",
      "agent join",
      "agent run",
      "agent list",
      "agent view",
      "agent drain",
      "agent resume",
      "agent remove",
    );
    leaves.push("repo list", "repo add", "repo set", "repo delete", "token create", "token list", "token revoke");
    leaves.push("run", "agent", "repo", "token");
    for (const leaf of leaves) {
      const ended = await run([...leaf.split(" "), "--help"]);
      expect(ended.code).toBe(0);
      expect(ended.out, leaf).toContain("Examples:\n  ");
    }
  });
  test("and version go to stdout", async () => {
    expect((await run(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run(["--help"])).out).toContain("Exit codes:");
  });
});
