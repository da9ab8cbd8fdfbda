import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AuditEntryJson, Pool } from "@windrow/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeChange } from "../src/audit/describe-change.ts";
import { runOffline } from "./run-offline.ts";
import { T0 } from "./samples.ts";
import { type StubFarm, sendJson, startStubFarm } from "./stub-farm.ts";

function pool(change: Partial<Pool> = {}): Pool {
  return {
    name: "python",
    description: "Python",
    labels: ["python", "linux"],
    slots_per_agent: null,
    priority: 0,
    weight: 1,
    jobs_max: null,
    untrusted_allowed: false,
    suspect_after_ms: 15_000,
    lost_after_ms: 30_000,
    scaling: null,
    provider: null,
    paused_at: null,
    paused_by: null,
    paused_reason: null,
    expiry_held_until: null,
    agents_count: 2,
    slots: 4,
    slots_used: 1,
    created_at: T0,
    updated_at: T0,
    ...change,
  };
}

const scaled = pool({
  name: "go",
  description: "",
  jobs_max: 3,
  slots_per_agent: 2,
  paused_at: T0,
  paused_by: "alice",
  paused_reason: "upgrade",
  scaling: {
    min: 0,
    max: 6,
    warm_min: 1,
    idle_ms: 300_000,
    target_wait_ms: 10_000,
    target_percent: 95,
    is_ephemeral: true,
    windows: [],
  },
  provider: { kind: "docker", socket: "unix:///var/run/docker.sock", image: "agent-go" },
});

const entry: AuditEntryJson = {
  id: 7,
  at: "2030-01-01T00:00:00.000Z",
  actor: "alice",
  token_id: null,
  ip: "10.0.0.1",
  action: "pool.set",
  subject: "pool:python",
  before: { weight: 1, labels: ["python"], jobs_max: null },
  after: { weight: 3, labels: ["python"], jobs_max: 9 },
};

const NOT_FOUND = {
  type: "about:blank",
  title: "t",
  status: 404,
  code: "not_found",
  detail: "there is no such thing",
  request_id: "r",
};

let farm: StubFarm;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "windrow-cli-pool-"));
  farm = await startStubFarm(({ method, path: target }, response) => {
    const alias = { alias: "big", labels: ["gpu"], created_by: "alice", created_at: T0, agents_count: 1 };
    const owner = { name: "me", weight: 3, repositories_count: 2, created_at: T0 };
    if (target.startsWith("/api/v1/pools/new") && method !== "PUT") return sendJson(response, NOT_FOUND, 404);
    // what other commands hang on a pool is not there
    if (/^\/api\/v1\/pools\/[a-z]+\//.test(target)) return sendJson(response, NOT_FOUND, 404);
    if (target === "/api/v1/pools") return sendJson(response, { items: [pool(), scaled], next_cursor: null });
    if (target.startsWith("/api/v1/pools/new")) return sendJson(response, pool({ name: "new" }));
    if (target.startsWith("/api/v1/pools/go")) return sendJson(response, scaled);
    if (target.startsWith("/api/v1/pools/")) return sendJson(response, pool());
    if (/^\/api\/v1\/(agents|queue)\?/.test(target)) return sendJson(response, { items: [], next_cursor: null });
    if (target === "/api/v1/label-aliases") return sendJson(response, { items: [alias], next_cursor: null });
    if (target.startsWith("/api/v1/label-aliases/")) return sendJson(response, alias);
    if (target.startsWith("/api/v1/audit")) return sendJson(response, { items: [entry], next_cursor: "7" });
    if (target === "/api/v1/owners") return sendJson(response, { items: [owner], next_cursor: null });
    if (target.startsWith("/api/v1/owners/")) return sendJson(response, owner);
    sendJson(response, NOT_FOUND, 404);
  });
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function run(words: string | string[]) {
  const from = farm.requests.length;
  const environment = { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t" };
  const args = typeof words === "string" ? words.split(" ") : words;
  const ended = await runOffline(args, { cwd: folder, environment });
  const requests = farm.requests
    .slice(from)
    .map(({ method, path: target, body }) => [`${method} ${target}`, ...(body === undefined ? [] : [body])]);
  return { ...ended, requests };
}

test.each(["agent list", "queue list"])(
  "%s of a pool that does not exist says so, not that nothing matches",
  async (list) => {
    expect(await run(`${list} --pool new`)).toMatchObject({
      code: 5,
      err: expect.stringContaining("there is no such thing"),
    });
    expect(await run(`${list} --pool go`)).toMatchObject({ code: 0, err: expect.stringContaining("matches") });
  },
);

describe("a command line becomes requests", () => {
  const memory = 512 * 1024 * 1024;
  test.each<[line: string, ...requests: unknown[][]]>([
    ["pool list", ["GET /api/v1/pools"]],
    ["pool set python --weight 3", ["PATCH /api/v1/pools/python", { weight: 3 }]],
    [
      "pool set python --labels python,Linux, --slots none --priority -5 --jobs-max 9 --untrusted --description Snakes",
      [
        "PATCH /api/v1/pools/python",
        {
          description: "Snakes",
          labels: ["python", "Linux"],
          slots_per_agent: null,
          priority: -5,
          jobs_max: 9,
          untrusted_allowed: true,
        },
      ],
    ],
    [
      "pool set python --no-untrusted --suspect-after 20s --lost-after 1m",
      ["PATCH /api/v1/pools/python", { untrusted_allowed: false, suspect_after_ms: 20_000, lost_after_ms: 60_000 }],
    ],
    [
      "pool set python --provider docker --docker-image x --docker-memory 512 --docker-cpus 1.5",
      [
        "PATCH /api/v1/pools/python",
        {
          provider: {
            kind: "docker",
            socket: "unix:///var/run/docker.sock",
            image: "x",
            memory_bytes: memory,
            cpus: 1.5,
          },
        },
      ],
    ],
    [
      "pool set python --provider process --host box",
      ["PATCH /api/v1/pools/python", { provider: { kind: "process", host: "box" } }],
    ],
    [
      "pool set python --confinement sandbox --egress-hosts a.example,*.b.example:8443 --farm-access off --containers on",
      [
        "PATCH /api/v1/pools/python",
        {
          job_settings: {
            confinement: "sandbox",
            egress: { kind: "allow", hosts: ["a.example", "*.b.example:8443"] },
            farm_access: false,
            containers_allowed: true,
          },
        },
      ],
    ],
    [
      "pool set python --confinement default --egress none --job-memory 4GiB --job-processes none --job-disk 512m --job-log 100MiB",
      [
        "PATCH /api/v1/pools/python",
        {
          job_settings: {
            confinement: null,
            egress: { kind: "none" },
            memory_bytes: 4 * 1024 ** 3,
            processes_max: null,
            disk_bytes: memory,
            log_bytes: 100 * 1024 ** 2,
          },
        },
      ],
    ],
    [
      "pool set python --container-allow privileged,cap:NET_ADMIN,device:/dev/fuse,volume:/srv/cache,network:host",
      [
        "PATCH /api/v1/pools/python",
        {
          job_settings: {
            containers: {
              privileged: true,
              capabilities: ["NET_ADMIN"],
              devices: ["/dev/fuse"],
              volumes: ["/srv/cache"],
              host_namespaces: ["network"],
            },
          },
        },
      ],
    ],
    ["pool set python --provider none", ["PATCH /api/v1/pools/python", { provider: null }]],
    ["pool set new", ["GET /api/v1/pools/new"], ["PUT /api/v1/pools/new", {}]],
    [
      "pool set new --labels gpu",
      ["PATCH /api/v1/pools/new", { labels: ["gpu"] }],
      ["PUT /api/v1/pools/new", { labels: ["gpu"] }],
    ],
    ["pool delete python", ["DELETE /api/v1/pools/python"]],
    ["pool alias list", ["GET /api/v1/label-aliases"]],
    ["pool alias set big gpu linux", ["PUT /api/v1/label-aliases/big", { labels: ["gpu", "linux"] }]],
    ["pool alias delete big", ["DELETE /api/v1/label-aliases/big"]],
    ["audit list", ["GET /api/v1/audit"]],
    [
      "audit list --subject pool:python --actor alice --action pool --limit 5 --cursor 7",
      ["GET /api/v1/audit?subject=pool%3Apython&actor=alice&action=pool&cursor=7&limit=5"],
    ],
    ["repo owner list", ["GET /api/v1/owners"]],
    ["repo owner set me --weight 3", ["PATCH /api/v1/owners/me", { weight: 3 }]],
  ])("windrow %s", async (line, ...requests) => {
    const ended = await run(line);
    expect(ended.err).not.toContain("error:");
    expect([ended.code, ended.requests]).toEqual([0, requests]);
  });

  test("commands of a provider are split at spaces, and a file says everything", async () => {
    const commands = [
      "--create",
      "/bin/mk  -x",
      "--destroy",
      "/bin/rm",
      "--list",
      "/bin/ls",
      "--command-timeout",
      "2m",
    ];
    const { requests } = await run(["pool", "set", "python", "--provider", "command", ...commands]);
    const provider = {
      kind: "command",
      create: ["/bin/mk", "-x"],
      destroy: ["/bin/rm"],
      list: ["/bin/ls"],
      timeout_ms: 120_000,
    };
    expect(requests).toEqual([["PATCH /api/v1/pools/python", { provider }]]);
    writeFileSync(path.join(folder, "pool.json"), JSON.stringify({ scaling: { max: 3 }, weight: 2 }));
    const file = path.join(folder, "pool.json");
    const { requests: again } = await run(["pool", "set", "python", "--file", file, "--weight", "5"]);
    expect(again).toEqual([["PATCH /api/v1/pools/python", { scaling: { max: 3 }, weight: 5 }]]);
  });
});

describe("a wrong command line asks nothing and ends with 3", () => {
  test.each([
    ["pool set python --weight heavy", "--weight takes a whole number"],
    ["pool set python --jobs-max few", "--jobs-max takes a whole number, or none"],
    ["pool set python --lost-after soon", "--lost-after takes a duration"],
    ["pool set python --provider cloud", "Allowed choices are process, docker, command, none"],
    ["pool set python --provider process", "--provider process needs --host"],
    ["pool set python --docker-image x", "--docker-image is for --provider docker"],
    ["pool set python --file /nowhere", "the file /nowhere cannot be read (ENOENT)"],
    ["pool set", "missing required argument 'pool'"],
    ["pool alias set big", "missing required argument 'labels'"],
    ["audit list --limit 1000", "--limit takes a number from 1 to 200"],
    ["repo owner set me", "required option '--weight <number>' not specified"],
    ["repo set me/app", "nothing is given to change"],
    ["repo set me/app --weight x", "--weight takes a whole number"],
  ])("windrow %s", async (line, message) => {
    const ended = await run(line);
    expect(ended.err).toContain(message);
    expect([ended.code, ended.out, ended.requests]).toEqual([3, "", []]);
  });

  test("and a pool that is there already is not set to nothing", async () => {
    const ended = await run("pool set python");
    expect(ended.err).toContain("there is a pool python already, and nothing is given to change");
    expect([ended.code, ended.requests]).toEqual([3, [["GET /api/v1/pools/python"]]]);
  });
});

test("pool list is an aligned table", async () => {
  expect((await run("pool list")).out.split("\n")).toEqual([
    "POOL    STATE     AGENTS  SLOTS  SCALING       PROVIDER  PRIORITY  WEIGHT  LABELS",
    "python  ● open         2    1/4  -             -                0       1  python,linux",
    "go      ◐ paused       2    1/4  0..6 +1 warm  docker           0       1  python,linux",
    "",
  ]);
});

test("pool view says what is set and what follows from it", async () => {
  const { out } = await run("pool view go");
  expect(out).toMatch(/^go\n\n/);
  for (const line of [
    "  agents     2, 1 of 4 slots taken\n",
    "  jobs       at most 3 at a time\n",
    "  slots      2 for an agent that does not say how many\n",
    "  strangers  their work does not run here\n",
    "  silence    suspect after 15s, lost after 30s\n",
    "  scaling    0..6 +1 warm agents, idle ones end after 5m00s, 95 % of jobs start within 10s, one job each\n",
    "  provider   containers of agent-go at unix:///var/run/docker.sock\n",
  ]) {
    expect(out).toContain(line);
  }
  expect(out).toMatch(/ {2}paused {5}.* by alice: upgrade\n/);
});

test("--json prints the API's own shapes and nothing else", async () => {
  for (const line of ["pool view go --json", "pool set go --weight 2 --json", "pool delete go --json"]) {
    const ended = await run(line);
    expect([JSON.parse(ended.out), ended.err]).toEqual([scaled, ""]);
  }
  expect(JSON.parse((await run("audit list --json")).out)).toEqual({ items: [entry], next_cursor: "7" });
});

test("audit list shows what changed, a line each, and how to go on", async () => {
  const { out, err } = await run("audit list");
  expect(out.split("\n")).toEqual([
    "AT                    ACTOR  ACTION    SUBJECT      FROM      CHANGE",
    "2030-01-01 00:00:00Z  alice  pool.set  pool:python  10.0.0.1  weight 1 → 3, jobs_max none → 9",
    "",
  ]);
  expect(err).toBe("There are older ones: add --cursor 7\n");
});

test("what an entry changed is told for what is new, changed and gone", () => {
  expect(describeChange({ before: null, after: { labels: ["a", "b"], weight: 1, scaling: null } })).toBe(
    "labels a,b, weight 1",
  );
  expect(describeChange({ before: { weight: 1 }, after: null })).toBe("");
  expect(describeChange({ before: { scaling: { max: 1 } }, after: { scaling: { max: 2 } } })).toBe(
    'scaling {"max":1} → {"max":2}',
  );
});

test("help of every command has examples", async () => {
  for (const words of ["pool", "pool list", "pool view", "pool set", "pool delete", "pool alias", "pool alias set"]) {
    const ended = await run([...words.split(" "), "--help"]);
    expect(ended.out, words).toContain("Examples:\n  ");
  }
});
