import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { createNamespaces, type Namespaces, whyNoNamespaces } from "../kit/namespaces.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";

const reason = whyNoNamespaces();
const run = promisify(execFile);
const BUILDER = fileURLToPath(
  new URL("../../packages/controller/src/install/build-bundles-process.ts", import.meta.url),
);

const POOLS = ["python", "node"];
const JOBS_OF_POOL = 100;
const AGENTS_MAX = 6;
/** Other tests may have the processors. */
const PATIENCE_MS = 240_000;

let dir: string;
let namespaces: Namespaces;
let farm: Farm;
beforeAll(async () => {
  if (reason !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), "windrow-autoscaling-"));
  chmodSync(dir, 0o755);
  namespaces = createNamespaces();
  const command = await installAgent(dir, namespaces);
  farm = await Farm.start({
    agents: 0,
    network: namespaces,
    logLevel: "info",
    controllerEnv: { WINDROW_MACHINES_AGENT_COMMAND: JSON.stringify([command]) },
  });
}, PATIENCE_MS);
afterAll(async () => {
  if (reason !== undefined) return;
  await farm?.stop();
  namespaces.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** The agent as one file and its Node, started in the namespace of its pool: agents come up as fast as they can. */
async function installAgent(folder: string, network: Namespaces): Promise<string> {
  const bundles = join(folder, "bundles");
  const { stdout } = await run(process.execPath, [BUILDER, bundles, "0.1.0-test"]);
  const [bundle]: { sha256: string }[] = JSON.parse(stdout);
  const agent = join(folder, "agent");
  mkdirSync(agent);
  await run("tar", ["-xzf", join(bundles, `${bundle?.sha256}.tar.gz`), "-C", agent]);
  const command = join(folder, "run-agent");
  const script = `#!/bin/sh
case $WINDROW_AGENT_NAME in python-*) namespace=${network.agentNamespace("agent-1")};; *) namespace=${network.agentNamespace("agent-2")};; esac
exec ip netns exec "$namespace" ${agent}/bin/node ${agent}/agent.mjs
`;
  writeFileSync(command, script, { mode: 0o755 });
  return command;
}

const matrix = Array.from({ length: JOBS_OF_POOL }, (_, index) => index).join(", ");
const workflow = `on: push
jobs:
${POOLS.map(
  (pool) => `  ${pool}:
    runs-on: [linux, "pool:${pool}"]
    strategy: { matrix: { n: [${matrix}] } }
    steps: [{ run: sleep 0.2 }]
`,
).join("")}`;

const machines = () => farm.db.selectFrom("machines").selectAll().orderBy("requested_at").execute();

test(
  `200 jobs of two languages on agents in three namespaces: pools grow from zero, all is done, they shrink to zero, and every decision says why`,
  async (context) => {
    context.skip(reason !== undefined, reason);
    for (const pool of POOLS) {
      const scaling = { min: 0, max: AGENTS_MAX, idle_ms: 3_000, target_wait_ms: 5_000 };
      const provider = { kind: "process", host: hostname() };
      await farm.api("PATCH", `/api/v1/pools/${pool}`, { body: { scaling, provider } });
    }
    expect(await machines()).toEqual([]);
    const { runId } = await pushWorkflow(farm, workflow);

    const most = new Map<string, number>();
    const look = async () => {
      const open = (await machines()).filter((machine) => machine.ended_at === null);
      for (const [pool, list] of Map.groupBy(open, (machine) => machine.pool)) {
        most.set(pool, Math.max(most.get(pool) ?? 0, list.length));
      }
      return open;
    };
    await waitFor(
      "all jobs to be done, and all agents gone",
      async () => {
        const open = await look();
        const { state } = await farm.db
          .selectFrom("runs")
          .select("state")
          .where("id", "=", runId)
          .executeTakeFirstOrThrow();
        return state === "finished" && open.length === 0;
      },
      { withinMs: PATIENCE_MS, everyMs: 200, describe: machines },
    );

    const jobs = await farm.jobs(runId);
    expect(jobs.filter((job) => job.conclusion === "success")).toHaveLength(POOLS.length * JOBS_OF_POOL);
    for (const pool of POOLS) {
      expect(most.get(pool), pool).toBeGreaterThan(1);
      expect(most.get(pool), pool).toBeLessThanOrEqual(AGENTS_MAX);
    }
    // no job was taken from its agent: each had one attempt, in its own pool
    const attempts = await farm.db
      .selectFrom("attempts")
      .innerJoin("jobs", "jobs.id", "attempts.job_id")
      .select(["attempts.agent_id", "attempts.pool", "attempts.state", "attempts.finished_at", "jobs.key"])
      .execute();
    expect(attempts).toHaveLength(POOLS.length * JOBS_OF_POOL);
    expect(attempts.filter(({ state, pool, key }) => state !== "finished" || pool !== key)).toEqual([]);

    const made = await machines();
    expect(made.map(({ state, error }) => ({ state, error })).filter(({ state }) => state !== "ended")).toEqual([]);
    for (const { agent_id, ending_at } of made) {
      for (const { finished_at } of attempts.filter((attempt) => attempt.agent_id === agent_id)) {
        expect(ending_at?.getTime()).toBeGreaterThanOrEqual(finished_at?.getTime() ?? Number.POSITIVE_INFINITY);
      }
    }

    // what was decided tells the whole story
    for (const pool of POOLS) {
      const path = `/api/v1/pools/${pool}/decisions?limit=200`;
      const { items } = await farm.api<{ items: Decision[] }>("GET", path);
      const sum = (of: "made" | "ended") => items.reduce((total, item) => total + item[of], 0);
      const own = made.filter((machine) => machine.pool === pool);
      expect([sum("made"), sum("ended")]).toEqual([own.length, own.length]);
      expect(items.filter((item) => !/\w+ .*\w/.test(item.reason))).toEqual([]);
      expect(items.find((item) => item.direction === "up")?.reason).toMatch(/would wait longer than 5 s/);
      expect(items.find((item) => item.direction === "down")?.reason).toMatch(/idle for 3 s or longer/);
      expect(items[0]).toMatchObject({ desired: 0 });
      expect(own.filter((machine) => machine.reason === "")).toEqual([]);
    }
    expect(await checkHistory(farm)).toEqual([]);
  },
  PATIENCE_MS,
);

interface Decision {
  readonly direction: "up" | "down" | "hold";
  readonly reason: string;
  readonly desired: number;
  readonly made: number;
  readonly ended: number;
}
