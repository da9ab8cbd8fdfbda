// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startTestEngine, TEST_IMAGES, type TestEngine, whyNoTestEngine } from "@windrow/backends/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leftFolders, leftMounts } from "../kit/agent-traces.ts";
import { checkHistory } from "../kit/check-history.ts";
import { type AgentProcess, Farm } from "../kit/farm.ts";
import { ifThere } from "../kit/if-there.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

/** 500 is the experiment; what runs with all other tests is the same in small. */
const JOBS = Number(process.env.WINDROW_TEST_JOBS ?? 10);
const SLOTS = 2;
/** Of a round's ten jobs: six end by themselves, two are cancelled, two are killed. */
const JOBS_A_ROUND = 10;
/** Waits for the test, in the first attempt; the next one ends at once. */
const HELD =
  'if [ "$WINDROW_ATTEMPT" = 1 ]; then (setsid sleep 300 &); trap "exit 1" TERM INT; echo ready; while :; do sleep 0.1; done; fi';

const problem = await whyNoTestEngine();
if (problem !== undefined) test.skip(`F25: many jobs in containers are not tried: ${problem}`);

describe.runIf(problem === undefined)("F25: docker", () => {
  let engine: TestEngine;
  let farm: Farm;
  beforeAll(async () => {
    engine = await startTestEngine({ networks: true, images: ["shell"] });
    const agentEnv = { WINDROW_AGENT_DOCKER: engine.socket.replace("unix://", "") };
    farm = await Farm.start({ slots: SLOTS, pool: SHORT_TIMES, agentEnv });
  }, 120_000);
  afterAll(async () => {
    await farm?.stop();
    await engine?.stop();
  });

  test(`${JOBS} jobs with containers, a fifth of them cancelled and a fifth killed, leave agent and engine as they were`, async () => {
    const agent = farm.agent("agent-1");
    await playRound();
    const before = await settle(agent);
    for (let round = 0; round < JOBS / JOBS_A_ROUND; round++) await playRound();
    const after = await settle(agent, before);
    const rows = Object.entries(before).map(
      ([name, count]) => `  ${name.padEnd(12)} ${String(count).padStart(8)} ${String(Object(after)[name]).padStart(8)}`,
    );
    process.stdout.write(`F25 docker, ${JOBS} jobs\n  ${"".padEnd(12)}   before    after\n${rows.join("\n")}\n`);
    expect(after).toMatchObject({ containers: 0, networks: 0, volumes: 0, guards: 0, shims: 0, mounts: 0, folders: 0 });
    expect(after.images).toBe(before.images);
    expect(after.processes).toBeLessThanOrEqual(before.processes);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    // a victim has two attempts that finished: the first one with a fault of the machine
    const killed = await farm.db.selectFrom("attempts").select("job_id").where("reason", "=", "infra_fault").execute();
    const isOfKilled = (line: string) => killed.some(({ job_id }) => new RegExp(`^I[45]: .*job ${job_id} `).test(line));
    expect((await checkHistory(farm)).filter((line) => !isOfKilled(line))).toEqual([]);
  }, 1_800_000);

  async function playRound(): Promise<void> {
    const image = TEST_IMAGES.shell;
    const { runId } = await pushWorkflow(
      farm,
      `
on: push
jobs:
  plain:
    strategy: { fail-fast: false, matrix: { no: [0, 1] } }
    runs-on: linux
    container: { image: '${image}', volumes: ['kept:/kept'] }
    steps:
      - run: (setsid sleep 300 &); echo x >/kept/x; echo x >x
      - uses: docker://${image}
        with: { entrypoint: cat, args: x }
  beside:
    strategy: { fail-fast: false, matrix: { no: [0, 1] } }
    runs-on: linux
    services: { other: { image: '${image}', command: sleep 300, ports: ['8080'] } }
    steps:
      - run: 'true'
  action:
    strategy: { fail-fast: false, matrix: { no: [0, 1] } }
    runs-on: linux
    steps:
      - uses: docker://${image}
        with: { entrypoint: /bin/sh, args: '-c "exit \${{ matrix.no }}"' }
  victim:
    strategy: { fail-fast: false, matrix: { no: [0, 1] } }
    runs-on: linux
    container: '${image}'
    steps:
      - run: '${HELD}'
`,
    );
    const victims = await heldAttempts(runId, "victim");
    // one loses its container, one its supervisor
    for (const [index, { id, agent }] of victims.entries()) {
      if (index > 0) killSupervisor(agent, id);
      else {
        const filters = { label: [`windrow.attempt=${id}`, "windrow.role=job"] };
        const [found] = await engine.docker.listContainers({ filters });
        await engine.docker.getContainer(found?.Id ?? "").kill();
      }
    }
    await farm.waitRunFinished(runId, 120_000);
    const cancelled = await pushWorkflow(
      farm,
      `
on: push
jobs:
  long:
    strategy: { matrix: { no: [0, 1] } }
    runs-on: linux
    container: '${image}'
    services: { other: { image: '${image}', command: sleep 300 } }
    steps:
      - run: '${HELD}'
`,
    );
    await heldAttempts(cancelled.runId, "long");
    await farm.api("POST", `/api/v1/runs/${cancelled.runId}/cancel`, { body: { reason: "the test asked" } });
    await farm.waitRunFinished(cancelled.runId, 60_000);
  }

  /** The two attempts whose step waits. */
  async function heldAttempts(runId: number, key: string): Promise<{ id: string; agent: AgentProcess }[]> {
    return waitFor(
      `two jobs ${key} to wait`,
      async () => {
        const jobs = await farm.db
          .selectFrom("jobs")
          .innerJoin("attempts", "attempts.job_id", "jobs.id")
          .select(["jobs.id as jobId", "attempts.id as attemptId", "jobs.key"])
          .where("jobs.run_id", "=", runId)
          .where("attempts.state", "=", "running")
          .execute();
        const held = [];
        for (const job of jobs.filter((one) => one.key.startsWith(key))) {
          const log = await readLog(farm, { jobId: job.jobId, stream: "0" }).catch(() => Buffer.alloc(0));
          if (log.includes("ready")) held.push({ id: job.attemptId, agent: farm.agent("agent-1") });
        }
        return held.length === 2 ? held : undefined;
      },
      { everyMs: 200, withinMs: 120_000, describe: () => farm.jobs(runId) },
    );
  }

  /** Waits until the trash was swept and what can go has gone; `like`: the numbers it is to come to, if it does. */
  async function settle(agent: AgentProcess, like?: Counts): Promise<Counts> {
    let counts = await count(agent);
    const isQuiet = async () => {
      const had = counts;
      counts = await count(agent);
      const { containers, networks, volumes, guards, shims, folders } = counts;
      if (containers + networks + volumes + guards + shims > 0) return false;
      // folders are swept once a minute, which the beginning need not wait for
      if (like !== undefined && folders > 0) return false;
      if (like === undefined) return counts.processes === had.processes && counts.descriptors === had.descriptors;
      return counts.processes <= like.processes && counts.descriptors <= like.descriptors;
    };
    // what is left when it does not become quiet is for the caller to judge
    await waitFor("quiet", isQuiet, { everyMs: 500, withinMs: 90_000 }).catch(() => undefined);
    return counts;
  }

  async function count(agent: AgentProcess): Promise<Counts> {
    const { docker, dir } = engine;
    const filters = { label: ["windrow.agent"] };
    const processes = readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map((entry) => (ifThere(() => readFileSync(`/proc/${entry}/cmdline`, "latin1")) ?? "").replaceAll("\0", " "));
    const of = (...words: string[]) => processes.filter((line) => words.every((word) => line.includes(word))).length;
    return {
      containers: (await docker.listContainers({ all: true })).length,
      networks: (await docker.listNetworks({ filters })).length,
      volumes: ((await docker.listVolumes()).Volumes ?? []).length,
      images: (await docker.listImages({ all: true })).length,
      guards: of("guard.sh", farm.dir),
      shims: of("containerd-shim", dir),
      // without the supervisors that are kept for the next job of each slot
      processes: of(agent.dir) - of("supervisor.sh", agent.dir),
      mounts: leftMounts([agent]).length,
      folders: leftFolders([agent]).length,
      descriptors: readdirSync(`/proc/${agent.child.pid}/fd`).length,
      residentMiB: residentMiB(agent.child.pid),
    };
  }
});

interface Counts {
  readonly containers: number;
  readonly networks: number;
  readonly volumes: number;
  readonly images: number;
  readonly guards: number;
  readonly shims: number;
  readonly processes: number;
  readonly mounts: number;
  readonly folders: number;
  readonly descriptors: number;
  readonly residentMiB: number;
}

function killSupervisor(agent: AgentProcess, attemptId: string): void {
  const [pid] = readFileSync(join(agent.dir, "sites", attemptId, "supervisor.pid"), "utf8").split(" ");
  process.kill(Number(pid), "SIGKILL");
}

function residentMiB(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kib) / 1024);
}
