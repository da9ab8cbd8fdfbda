import { findSandbox } from "@windrow/backends";
import { systemClock } from "@windrow/service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { type AgentProcess, Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

const MIB = 1024 * 1024;
const HEARTBEAT_GAP_MS_MAX = 15_000;
const isRoot = process.getuid?.() === 0;
const found = await findSandbox(undefined);
const backends = ["host", ...("bwrap" in found ? ["sandbox"] : [])];

describe.runIf(isRoot).each(backends)("jobs that mean harm, on the %s", (backend) => {
  let farm: Farm;
  let agent: AgentProcess;
  beforeAll(async () => {
    farm = await Farm.start({ agents: 0, agentEnv: { WINDROW_AGENT_BACKEND: backend } });
    const limits = { memory_bytes: 256 * MIB, processes_max: 200, disk_bytes: 64 * MIB };
    await farm.api("PATCH", "/api/v1/pools/default", { body: { job_settings: limits } });
    agent = await farm.startAgent({ name: "agent-1" });
  });
  afterAll(() => farm?.stop());

  const run = async (script: string) => {
    const lines = script.trim().split("\n");
    const text = lines.map((line) => `          ${line}\n`).join("");
    const { runId } = await pushWorkflow(
      farm,
      `\non: push\njobs:\n  only:\n    runs-on: linux\n    steps:\n      - run: |\n${text}`,
    );
    const finished = await farm.waitRunFinished(runId);
    const [job] = await farm.jobs(runId);
    return { ...finished, job, log: (await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString() };
  };

  /** The longest silence of the agent, as the controller sees it, while the work goes on. */
  async function longestGapMs(work: Promise<unknown>): Promise<number> {
    const watch = { isOver: false, gapMs: 0 };
    const over = () => {
      watch.isOver = true;
    };
    work.then(over, over);
    while (!watch.isOver) {
      const row = await farm.db.selectFrom("agents").select("last_seen_at").executeTakeFirst();
      watch.gapMs = Math.max(watch.gapMs, Date.now() - (row?.last_seen_at?.getTime() ?? Date.now()));
      await systemClock.sleep(200);
    }
    return watch.gapMs;
  }

  test("S27: a job reaches neither the system's files nor its agent's process", async () => {
    const { conclusion, log } = await run(`
set +e
try() { if "$@" >/dev/null 2>&1; then echo "REACHED: $*"; else echo "refused: $*"; fi; }
try touch /etc/forged
try sh -c 'echo x >>/etc/passwd'
try ls /root
try cat ${agent.dir}/credential.json
try kill -0 ${agent.child.pid}
try cat /proc/${agent.child.pid}/environ
try cat /proc/1/environ
try perl -e 'exit(syscall(101, 16, ${agent.child.pid}, 0, 0) == 0 ? 0 : 1)'
try perl -e 'open(my $t, "+<", "/dev/tty") or exit 1; exit(ioctl($t, 0x5412, "x") ? 0 : 1)'
try perl -e 'exit(ioctl(STDIN, 0x5412, "x") ? 0 : 1)'
echo end
`);
    expect(log.split("\n").filter((line) => line.startsWith("REACHED"))).toEqual([]);
    expect(log).toContain("end");
    expect(conclusion).toBe("success");
  });

  test("S27: a fork bomb, a hunger for memory and a full /tmp end with their job, and the agent is heard all the while", async () => {
    const bombs = async () => {
      const forks = await run(`
set +e
i=0; while [ $i -lt 2000 ]; do sleep 30 & i=$((i + 1)); done 2>/dev/null
echo bombed
`);
      const memory = await run(`perl -e 'my @a; push @a, "x" x 10_000_000 for 1..1000; print "HAD", "IT"'`);
      const disk = await run(`head -c ${512 * MIB} /dev/zero >"$RUNNER_TEMP/big"; sleep 60; echo HAD""IT`);
      return { forks, memory, disk };
    };
    const work = bombs();
    const gapMs = await longestGapMs(work);
    const { forks, memory, disk } = await work;
    expect(memory.log).not.toContain("HADIT");
    expect(memory.job?.outcome).toBe("failed");
    expect(disk.log).not.toContain("HADIT");
    expect(disk.job).toMatchObject({ outcome: "failed", reason: "disk_limit" });
    expect(disk.job?.message).toMatch(/folders hold .* MiB, more than the 64 MiB that a job may have here/);
    expect(forks.job?.state).toBe("finished");
    process.stdout.write(`S27 ${backend}: longest silence ${gapMs} ms, fork bomb ${forks.job?.outcome}\n`);
    expect(gapMs).toBeLessThan(HEARTBEAT_GAP_MS_MAX);
    const left = await farm.db.selectFrom("attempts").select("receipt").where("state", "=", "finished").execute();
    expect(left.map(({ receipt }) => receipt?.leftCount)).toEqual(left.map(() => 0));
  });

  test("S36: a job finds nothing of the job of another repository that had its slot before it", async () => {
    const first = await run(`
echo secret >$HOME/.git-credentials; git config --global credential.helper store
echo secret >$RUNNER_TEMP/left; echo secret >left; for d in /tmp /var/tmp /dev/shm; do echo secret >$d/left-by-a; done
setsid --fork sleep 73212
perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Local => "\\0left-by-a", Listen => 1) or die; fork and exit; sleep 73212' &
ipcmk -M 4096 >/dev/null; sleep 0.5; echo "$PWD" "$HOME"; id -u
`);
    expect(first.conclusion).toBe("success");
    const [folders = "", uid = ""] = first.log.trim().split("\n");
    const [workspace, home] = folders.split(" ");
    const second = await run(`
set +e
id -u
ls -A $HOME | grep -v mavenrc | sed 's/^/FOUND home: /'; ls -A . $RUNNER_TEMP | grep left | sed 's/^/FOUND: /'
for d in /tmp /var/tmp /dev/shm; do ls -A $d | grep left-by-a | sed 's/^/FOUND: /'; done
ls ${workspace} ${home} 2>/dev/null | sed 's/^/FOUND of a: /'
git config --global --get credential.helper | sed 's/^/FOUND helper: /'
grep -h left-by-a /proc/net/unix | sed 's/^/FOUND socket: /'
ps axo args 2>/dev/null | grep '[7]3212' | sed 's/^/FOUND process: /'
ipcs -m | grep " $(id -un | cut -c1-10)" | sed 's/^/FOUND segment: /'
for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep WINDROW_AGENT_DIR | sed 's/^/FOUND environ: /'; done
echo looked
`);
    expect(second.log).toContain("looked");
    expect(second.log.split("\n").filter((line) => line.startsWith("FOUND"))).toEqual([]);
    expect(second.log.startsWith(`${uid}\n`)).toBe(true);
    expect(await checkHistory(farm)).toEqual([]);
  });
});
