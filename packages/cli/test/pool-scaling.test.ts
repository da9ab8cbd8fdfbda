import { tmpdir } from "node:os";
import type { Pool, PoolScaling, PoolSimulation } from "@windrow/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatScaling } from "../src/pool/format-scaling.ts";
import { formatWindow, readWindow } from "../src/pool/read-policy.ts";
import { formatSimulation } from "../src/pool/simulate-pool.ts";
import { runOffline } from "./run-offline.ts";
import { T0 } from "./samples.ts";
import { type StubFarm, sendJson, startStubFarm } from "./stub-farm.ts";

const policy: NonNullable<Pool["scaling"]> = {
  min: 0,
  max: 8,
  warm_min: 0,
  idle_ms: 300_000,
  target_wait_ms: 10_000,
  target_percent: 95,
  is_ephemeral: false,
  windows: [],
};
const pool: Pool = {
  name: "python",
  description: "",
  labels: ["python"],
  slots_per_agent: null,
  priority: 0,
  weight: 1,
  jobs_max: null,
  untrusted_allowed: false,
  suspect_after_ms: 15_000,
  lost_after_ms: 30_000,
  scaling: policy,
  provider: null,
  paused_at: null,
  paused_by: null,
  paused_reason: null,
  expiry_held_until: null,
  agents_count: 0,
  slots: 0,
  slots_used: 0,
  created_at: T0,
  updated_at: T0,
};
const waits = { jobs_count: 40, p50_ms: 320, p95_ms: 9_400, p99_ms: 65_000, within_target_percent: 96.25 };
const scaling: PoolScaling = {
  pool: "python",
  scaling: policy,
  bounds: { min: 2, max: 8, warm_min: 0 },
  provider: { kind: "process", host: "farm" },
  desired: 3,
  reason: "1 agent on the way, as many as needed",
  agents: { starting: 1, idle: 0, busy: 2, draining: 0, suspect: 0, ending: 1 },
  queued_jobs: 4,
  soon_jobs: 2,
  oldest_wait_ms: 1_250,
  start_ms: 2_400,
  waits: {
    hour: waits,
    day: { ...waits, jobs_count: 0, p50_ms: null, p95_ms: null, p99_ms: null, within_target_percent: null },
  },
  warm_percent: 87.5,
  decisions: [
    {
      ...{ id: 9, at: T0, direction: "up", code: "queue", reason: "1 agent more: 1 queued job would wait", desired: 3 },
      ...{ made: 1, ended: 0, starting: 0, idle: 0, busy: 2, queued: 4 },
    },
  ],
  provider_errors: [{ machine: "python-1a", state: "creating", error: "no space", at: T0, retry_at: null }],
};
const simulated = { scaling: policy, waits, agent_ms: 5_400_000, agents_max: 8, agents_made: 12 };
const simulation: PoolSimulation = {
  pool: "python",
  from: "2030-01-01T00:00:00.000Z",
  to: "2030-01-02T00:00:00.000Z",
  jobs_count: 40,
  is_cut: false,
  start_ms: { usual: 2_100, slow: 3_900 },
  recorded: { ...simulated, scaling: null, agents_made: null },
  today: null,
  changed: simulated,
};

let farm: StubFarm;
let hosts = ["farm"];
beforeAll(async () => {
  farm = await startStubFarm(({ path }, response) => {
    const controllers = hosts.map((hostname) => ({
      id: hostname,
      hostname,
      version: "1",
      last_seen_at: T0,
      answering: true,
    }));
    const addresses = { public_url: "http://farm", git_url: "http://farm/git", grpc_address: "farm:1", nats_urls: [] };
    if (path === "/api/v1/farm")
      return sendJson(response, { version: "1", ...addresses, time: T0, controllers, checks: [] });
    if (path.endsWith("/scaling")) return sendJson(response, scaling);
    if (path.endsWith("/simulate")) return sendJson(response, simulation);
    sendJson(response, pool);
  });
});
afterAll(() => farm[Symbol.asyncDispose]());

async function run(...args: string[]) {
  const from = farm.requests.length;
  const environment = { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t" };
  const ended = await runOffline(["pool", ...args], { cwd: tmpdir(), environment });
  const asked = farm.requests.slice(from).filter(({ method }) => method !== "GET");
  return { ...ended, asked: asked.map(({ method, path, body }) => [`${method} ${path}`, body]) };
}

describe("pool scale", () => {
  test("changes the fields that are given, and says what is missing", async () => {
    const { asked, code, err } = await run(
      "scale",
      "python",
      "--min",
      "0",
      "--max",
      "8",
      "--target-wait",
      "10s",
      "--idle",
      "5m",
    );
    const body = { scaling: { min: 0, max: 8, idle_ms: 300_000, target_wait_ms: 10_000 } };
    expect([asked, code]).toEqual([[["PATCH /api/v1/pools/python", body]], 0]);
    expect(err).toContain("The pool python has 0 to 8 agents, for 95 % of its jobs to start within 10s.");
    expect(err).toContain("windrow pool scale python --provider process");
  });

  test("takes windows of the schedule, and takes them away", async () => {
    const { asked } = await run("scale", "python", "--window", "mon-fri 08:00-18:00 Europe/Berlin min=2 warm=1");
    const window = {
      days: [1, 2, 3, 4, 5],
      from: "08:00",
      to: "18:00",
      timezone: "Europe/Berlin",
      min: 2,
      warm_min: 1,
    };
    expect(asked).toEqual([["PATCH /api/v1/pools/python", { scaling: { windows: [window] } }]]);
    expect((await run("scale", "python", "--window", "none")).asked).toEqual([
      ["PATCH /api/v1/pools/python", { scaling: { windows: [] } }],
    ]);
  });

  test("runs processes on the only controller's machine, and asks which where there are several", async () => {
    const provider = { kind: "process", host: "farm" };
    expect((await run("scale", "python", "--provider", "process")).asked).toEqual([
      ["PATCH /api/v1/pools/python", { provider }],
    ]);
    hosts = ["a", "b"];
    const { code, err, asked } = await run("scale", "python", "--provider", "process");
    hosts = ["farm"];
    expect([code, asked]).toEqual([3, []]);
    expect(err).toContain("There are: a, b");
  });

  test("--off ends the scaling, --ephemeral and its opposite are said apart", async () => {
    expect((await run("scale", "python", "--off")).asked).toEqual([["PATCH /api/v1/pools/python", { scaling: null }]]);
    expect((await run("scale", "python", "--ephemeral")).asked[0]?.[1]).toEqual({ scaling: { is_ephemeral: true } });
    expect((await run("scale", "python", "--no-ephemeral")).asked[0]?.[1]).toEqual({
      scaling: { is_ephemeral: false },
    });
  });

  test.each([
    [["scale", "python"], "nothing is given to change"],
    [["scale", "python", "--off", "--min", "1"], "--off takes no policy"],
    [["scale", "python", "--idle", "soon"], "--idle takes a duration"],
    [["scale", "python", "--target-percent", "101"], "from 1 to 100"],
    [["scale", "python", "--window", "someday 08:00-18:00"], "is not a day"],
    [["scale", "python", "--window", "mon 8-18"], "HH:MM-HH:MM"],
    [["scale", "python", "--window", "mon 08:00-18:00 least=2"], "is not min=, max= or warm="],
  ])("windrow pool %j is refused", async (args, message) => {
    const { code, err, asked } = await run(...args);
    expect([code, asked]).toEqual([3, []]);
    expect(err).toContain(message);
  });
});

test.each([
  "mon-fri 08:00-18:00 Europe/Berlin min=2",
  "daily 22:00-06:00 UTC max=1 warm=0",
  "sun,sat 00:00-00:00 UTC max=2",
])("a window is written as it is read: %s", (text) => expect(formatWindow(readWindow(text))).toBe(text));

test("pool view shows agents, jobs, errors and decisions", () => {
  const text = formatScaling(scaling, { nowMs: Date.parse(T0) + 120_000, style: (_name, one) => one }).join("\n");
  for (const line of [
    "  desired    3 (now 2 to 8)\n",
    "  there      1 starting, 0 idle, 2 busy, 1 ending\n",
    "  queued     4, the first for 1.3s; 2 more when their needs have ended\n",
    "  last hour  40 jobs waited p50 0.3s, p95 9.4s, p99 1m05s; 96.3 % within the target\n",
    "  last day   no jobs\n",
    "  ✗ 2m ago python-1a (creating): no space\n",
    "    2m ago  ▲   3  1 agent more: 1 queued job would wait",
  ])
    expect(text).toContain(line);
});

test("pool simulate prints today's beside the changed policy's", async () => {
  const { out, asked } = await run("simulate", "python", "--max", "8", "--since", "6h");
  expect(asked).toEqual([["POST /api/v1/pools/python/simulate", { scaling: { max: 8 }, since_ms: 21_600_000 }]]);
  expect(out.split("\n")).toEqual([
    "40 jobs of the last 1d00h, an agent there 2.1s after it is asked for (slow ones 3.9s); the target is 10s.",
    "",
    "                   AGENTS   MOST  AGENT-HOURS  WAIT P50   P95    P99  IN TARGET",
    "recorded           by hand     8         1.50      0.3s  9.4s  1m05s     96.3 %",
    "changed, replayed  0..8        8         1.50      0.3s  9.4s  1m05s     96.3 %",
    "",
  ]);
  expect(formatSimulation({ ...simulation, jobs_count: 0 }, (_name, one) => one)[0]).toContain("nothing to replay");
});
