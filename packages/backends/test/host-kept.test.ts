import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { bootClockMs, createHostBackend, noGrace } from "../src/index.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, startShell, waitUntil } from "./job-kit.ts";

const isRoot = process.getuid?.() === 0;
const isRunning = async (pid: number) => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
};

// Only a job with a user of its own leaves its supervisor as it was.
describe.runIf(isRoot)("a supervisor that is kept for the next job", () => {
  const backend = createHostBackend();
  const kit = createJobKit(backend);
  /** A job that has a supervisor to be kept, and its end. */
  const runFirst = async (script = "true") => {
    const job = await kit.openJob();
    await startShell(job, { script });
    await job.waitStep(1);
    return job;
  };

  it("serves the next job of the same user, which finds nothing of the one before", async () => {
    const nap = `7200.${process.pid}`;
    const first = await runFirst(`setsid nohup sleep ${nap} & export LEFT=over; echo first`);
    expect(await first.closeJob()).toMatchObject({ processesEnded: 1, leftCount: 0 });
    expect(await findProcesses(nap)).toEqual([]);
    const second = await kit.openJob();
    expect(second.supervisorPid).toBe(first.supervisorPid);
    const script =
      'echo "second $LEFT"; for entry in /proc/[0-9]*; do [ ! -O $entry ] || echo mine; done; ls /proc/self/fd; trap';
    const { output } = await runShell(second, { script });
    const third = await createHostBackend().openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + 60_000 });
    expect(third.supervisorPid).not.toBe(first.supervisorPid);
    // What a job sees is the same whether its supervisor is new or not.
    expect(output.toString()).toBe((await runShell(third, { script })).output.toString());
    await third.closeJob();
    expect(await second.closeJob()).toMatchObject({ processesEnded: 0, leftCount: 0 });
  });

  it("takes no process along that goes on forking and ending", async () => {
    const runner = await makeRunner(await kit.rootDir());
    for (let round = 0; round < 8; round++) {
      const first = await runFirst(`${runner} ${process.pid} >/dev/null 2>&1 & sleep 0.3`);
      await first.closeJob();
      const second = await kit.openJob();
      expect(second.supervisorPid).toBe(first.supervisorPid);
      const look = "for entry in /proc/[0-9]*; do cat $entry/cmdline; done 2>/dev/null | tr '\\0' ' '; true";
      // A look may miss it as well.
      const { output } = await runShell(second, { script: `for look in 1 2 3 4 5 6; do ${look}; done` });
      expect(output.toString()).not.toContain(`/runner ${process.pid}`);
      await second.closeJob();
    }
  });

  it("is not reached by late calls for the job before", async () => {
    const first = await runFirst();
    await first.closeJob();
    const second = await kit.openJob();
    expect(second.supervisorPid).toBe(first.supervisorPid);
    await startShell(second, { script: "until [ -e go ]; do sleep 0.02; done; echo went on" });
    expect(await first.cancelStep(1)).toMatchObject({ endedBy: "nothing" });
    await first.closeJob(noGrace);
    await backend.endRemains(first.site);
    expect(await backend.attachJob(first.site)).toBeUndefined();
    await expect(startShell(first, { stepNo: 2, script: "true" })).rejects.toMatchObject({ code: "supervisor_gone" });
    const again = await backend.attachJob(second.site);
    await again?.cancelStep(1);
    expect(await second.waitStep(1)).toMatchObject({ signal: "SIGINT" });
    again?.detach();
  });

  it("keeps the deadline of every job it serves", async () => {
    await (await runFirst()).closeJob();
    const nap = `7300.${process.pid}`;
    const job = await kit.openJob();
    await startShell(job, { script: `trap '' INT TERM; sleep ${nap}; sleep ${nap}` });
    await job.setDeadline(bootClockMs() + 100, { interruptMs: 100, terminateMs: 100 });
    expect(await job.waitStep(1)).toMatchObject({ signal: "SIGKILL" });
    expect(await job.closeJob()).toMatchObject({ endedByDeadline: true, leftCount: 0 });
    expect(await findProcesses(nap)).toEqual([]);
    expect((await (await runFirst()).closeJob()).endedByDeadline).toBe(false);
  });

  it("is replaced when it dies between two jobs", async () => {
    const first = await runFirst();
    await first.closeJob();
    process.kill(first.supervisorPid, "SIGKILL");
    await waitUntil("its end", async () => !(await isRunning(first.supervisorPid)));
    const second = await kit.openJob();
    expect(second.supervisorPid).not.toBe(first.supervisorPid);
    expect(await runShell(second, { script: "echo fine" })).toMatchObject({ exitCode: 0 });
  });

  it("serves no other user", async () => {
    const first = await runFirst();
    await first.closeJob();
    const site = await kit.newSite();
    const other = { name: "nobody", uid: 65_534, gid: 65_534 };
    const second = await backend.openJob({ ...site, user: other }, { deadlineBootMs: bootClockMs() + 60_000 });
    expect(second.supervisorPid).not.toBe(first.supervisorPid);
    await second.closeJob();
  });

  it("goes when it is let go, and when its agent is killed", async () => {
    const first = await runFirst();
    await first.closeJob();
    expect(await isRunning(first.supervisorPid)).toBe(true);
    await backend.close();
    await waitUntil("the supervisor to go", async () => !(await isRunning(first.supervisorPid)));

    const site = await kit.newSite();
    const program = join(import.meta.dirname, "fixtures", "agent-between-jobs.ts");
    const agent = spawn(process.execPath, [program, JSON.stringify(site)], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(agent.stdout, "data");
    const supervisorPid = Number(String(line));
    expect(await isRunning(supervisorPid)).toBe(true);
    expect(existsSync(join(site.siteDir, "released"))).toBe(true);
    agent.kill("SIGKILL");
    await waitUntil("the supervisor to go", async () => !(await isRunning(supervisorPid)));
    expect(await findProcesses(site.siteDir)).toEqual([]);
  });
});

/** A program that is never the same process for long: quick enough, where it can be compiled, to be missed by looks. */
async function makeRunner(rootDir: string): Promise<string> {
  const path = join(rootDir, "runner");
  const text = `#include <time.h>
#include <unistd.h>
int main(void) { time_t end = time(0) + 8; setsid(); while (time(0) < end) if (fork() > 0) _exit(0); return 0; }
`;
  await writeFile(`${path}.c`, text);
  const isCompiled = await promisify(execFile)("cc", ["-O2", "-o", path, `${path}.c`]).then(
    () => true,
    () => false,
  );
  const script = `#!/usr/bin/perl\nmy $end = time + 8; while (time < $end) { exit 0 if fork }\n`;
  if (!isCompiled) await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}
