import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findSandbox } from "@windrow/backends";
import { afterEach, describe, expect, test } from "vitest";
import { leftFolders, leftMounts } from "../kit/agent-traces.ts";
import { checkHistory } from "../kit/check-history.ts";
import { type AgentProcess, Farm } from "../kit/farm.ts";
import { ifThere } from "../kit/if-there.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

/** 500 is the experiment; what runs with all other tests is the same in small. */
const JOBS = Number(process.env.WINDROW_TEST_JOBS ?? 20);
const SLOTS = 4;
/** Of a round's twenty jobs: twelve end by themselves, four are cancelled, four are killed. */
const JOBS_A_ROUND = 20;
const WARM_ROUNDS = JOBS >= 500 ? 5 : 1;

const found = await findSandbox(undefined);
const backends = ["host", ...("bwrap" in found ? ["sandbox"] : [])];

let farm: Farm | undefined;
afterEach(() => farm?.stop());

interface Counts {
  readonly processes: number;
  readonly supervisors: number;
  readonly mounts: number;
  readonly folders: number;
  readonly cgroups: number;
  readonly links: number;
  readonly descriptors: number;
  readonly residentMiB: number;
}

describe.each(backends)("F25: %s", (backend) => {
  test(`${JOBS} jobs, a fifth of them cancelled and a fifth killed, leave an agent as it was`, async () => {
    farm = await Farm.start({ slots: SLOTS, pool: SHORT_TIMES, agentEnv: { WINDROW_AGENT_BACKEND: backend } });
    const agent = farm.agent("agent-1");
    for (let round = 0; round < WARM_ROUNDS; round++) await playRound(farm);
    const before = await settle(farm, agent);
    const { pid } = agent.child;
    for (let round = 1; round <= JOBS / JOBS_A_ROUND; round++) await playRound(farm);
    const after = await settle(farm, agent, before);
    const rows = Object.keys(before).map((name) => {
      const key = name as keyof Counts;
      return `  ${name.padEnd(12)} ${String(before[key]).padStart(8)} ${String(after[key]).padStart(8)}`;
    });
    process.stdout.write(`F25 ${backend}, ${JOBS} jobs\n  ${"".padEnd(12)}   before    after\n${rows.join("\n")}\n`);
    const { residentMiB, supervisors, cgroups: _c, links: _l, ...counts } = after;
    const { residentMiB: residentBefore, supervisors: _s, cgroups: _b, links: _m, ...countsBefore } = before;
    // groups and links are told, not compared: they are of the whole machine, where other agents may run
    // no more than before, when something may still have been on its way out
    for (const [name, count] of Object.entries(countsBefore)) {
      expect(Reflect.get(counts, name), name).toBeLessThanOrEqual(count);
    }
    // those kept for the next job of each slot, of five processes at most
    expect(supervisors).toBeLessThanOrEqual(SLOTS * 5);
    expect(agent.child.pid).toBe(pid);
    // a process that ran few jobs has not come to rest
    expect(residentMiB).toBeLessThan(residentBefore * (JOBS >= 500 ? 1.05 : 1.25));
    // a job whose supervisor was killed has two attempts that finished: the first one with a fault of the machine
    const killed = await farm.db.selectFrom("attempts").select("job_id").where("reason", "=", "infra_fault").execute();
    const isOfKilled = (line: string) => killed.some(({ job_id }) => new RegExp(`^I[45]: .*job ${job_id} `).test(line));
    expect((await checkHistory(farm)).filter((line) => !isOfKilled(line))).toEqual([]);
  }, 600_000);
});

async function playRound(on: Farm): Promise<void> {
  const numbers = (count: number) => `[${Array.from({ length: count }, (_, no) => no).join(", ")}]`;
  // the supervisors of victims are killed from outside; their second attempts end at once
  const { runId } = await pushWorkflow(
    on,
    `
on: push
jobs:
  plain:
    strategy: { fail-fast: false, matrix: { no: ${numbers(12)} } }
    runs-on: linux
    steps:
      - run: setsid --fork sleep 300; echo $WINDROW_JOB_ID >f; mkdir -p a/b && head -c 100000 /dev/zero >a/b/c
  suicide:
    strategy: { fail-fast: false, matrix: { no: ${numbers(2)} } }
    runs-on: linux
    steps:
      - run: sleep 300 & kill -9 $$
  victim:
    strategy: { fail-fast: false, matrix: { no: ${numbers(2)} } }
    runs-on: linux
    steps:
      - run: |
          [ "$WINDROW_ATTEMPT" = 1 ] || exit 0
          setsid --fork sleep 300
          sleep 300
`,
  );
  for (const attemptId of await waitForSteps(on, { runId, key: "victim", count: 2 })) {
    killSupervisor(on.agent("agent-1"), attemptId);
  }
  await on.waitRunFinished(runId, 90_000);
  const cancelled = await pushWorkflow(
    on,
    `
on: push
jobs:
  long:
    strategy: { matrix: { no: ${numbers(4)} } }
    runs-on: linux
    steps:
      - run: setsid --fork sleep 300; trap 'exit 1' TERM INT; while :; do sleep 0.1; done
`,
  );
  await waitForSteps(on, { runId: cancelled.runId, key: "long", count: 4 });
  await on.api("POST", `/api/v1/runs/${cancelled.runId}/cancel`, { body: { reason: "the test asked" } });
  await on.waitRunFinished(cancelled.runId);
}

/** First attempts of these jobs whose first step runs. */
async function waitForSteps(
  on: Farm,
  { runId, key, count }: { readonly runId: number; readonly key: string; readonly count: number },
): Promise<string[]> {
  const { dir } = on.agent("agent-1");
  const look = async () => {
    const attempts = (await on.attempts(runId)).filter((one) => one.key === key && one.no === 1);
    const begun = attempts.filter(
      ({ id }) => ifThere(() => readFileSync(join(dir, "sites", id, "steps/1/started"))) !== undefined,
    );
    return begun.length === count && begun.map(({ id }) => id);
  };
  return waitFor(`${count} of ${key} to run`, look, { withinMs: 60_000, describe: () => on.jobs(runId) });
}

function killSupervisor(agent: AgentProcess, attemptId: string): void {
  const [pid] = readFileSync(join(agent.dir, "sites", attemptId, "supervisor.pid"), "utf8").split(" ");
  process.kill(Number(pid), "SIGKILL");
}

/** Waits until the trash was swept and what can go has gone; `like`: the numbers it is to come to, if it does. */
async function settle(on: Farm, agent: AgentProcess, like?: Counts): Promise<Counts> {
  await waitFor("the folders to be swept", () => leftFolders([agent]).length === 0, {
    withinMs: 90_000,
    describe: () => leftFolders([agent]),
  });
  let counts = count(on, agent);
  const isQuiet = () => {
    const now = count(on, agent);
    const isSame = now.processes === counts.processes && now.descriptors === counts.descriptors;
    counts = now;
    if (like === undefined) return isSame;
    return (
      now.processes <= like.processes &&
      now.descriptors <= like.descriptors &&
      now.residentMiB < like.residentMiB * 1.05
    );
  };
  await waitFor("quiet", isQuiet, { everyMs: 1_000, withinMs: 20_000 }).catch(() => undefined);
  return counts;
}

function count(on: Farm, agent: AgentProcess): Counts {
  const { pid } = agent.child;
  const mine = readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return false;
    const read = (name: string) => ifThere(() => readFileSync(`/proc/${entry}/${name}`, "latin1")) ?? "";
    // the controller reads each repository by a git of its own
    if (read("cmdline").includes(`${on.dir}/data/`)) return false;
    return `${read("cmdline")}\0${read("environ")}`.includes(on.dir) || read("cmdline").startsWith("sleep\x00300");
  });
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const isSupervisor = (entry: string) =>
    (ifThere(() => readFileSync(`/proc/${entry}/cmdline`, "latin1")) ?? "").includes("supervisor.sh");
  const supervisors = mine.filter(isSupervisor);
  return {
    processes: mine.filter((entry) => !isSupervisor(entry) && !isNap(entry)).length,
    supervisors: supervisors.length,
    mounts: leftMounts([agent]).length,
    folders: leftFolders([agent]).length,
    cgroups: cgroupsNamed(/^windrow/).length,
    links: readdirSync("/sys/class/net").filter((name) => name.startsWith("wr")).length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    residentMiB: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
  };
}

/** Of a supervisor that looks at its deadline once a second. */
const isNap = (entry: string): boolean =>
  ifThere(() => readFileSync(`/proc/${entry}/cmdline`, "latin1")) === "sleep\x001\0";

function cgroupsNamed(name: RegExp): string[] {
  const root = "/sys/fs/cgroup";
  const controllers = ifThere(() => readdirSync(root)) ?? [];
  return ["", ...controllers].flatMap((controller) =>
    (ifThere(() => readdirSync(join(root, controller))) ?? []).filter((entry) => name.test(entry)),
  );
}
