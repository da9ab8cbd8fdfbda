import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type BackendFault, bootClockMs, noGrace, wipeSite } from "../src/index.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, startShell, waitUntil } from "./job-kit.ts";
import { processBackends } from "./process-backends.ts";

/** A number of seconds nobody else sleeps, so that a process can be told by its command line. */
let nextNap = 1;
const newNap = () => `700${nextNap++}.${process.pid}`;

const quickGrace = { interruptMs: 400, terminateMs: 300 };

for (const { name, create } of processBackends) {
  const backend = create();
  describe(`F26: processes of a job (${name})`, () => {
    const kit = createJobKit(backend);

    const startHostileTree = async (nap: string) => {
      const job = await kit.openJob();
      const script = `
        nohup sleep ${nap} >/dev/null 2>&1 &
        setsid sleep ${nap} &
        ( ( setsid sleep ${nap} & ) & )
        (trap '' INT TERM HUP; sleep ${nap}; sleep ${nap}) &
        setsid sh -c 'trap "" INT TERM; while :; do sleep ${nap}; done' &
        setsid nohup sleep ${nap} <&- >&- 2>&- &
        echo ready; trap '' INT TERM; sleep ${nap}; sleep ${nap}`;
      await startShell(job, { script });
      await waitUntil("the tree", async () => (await findProcesses(`sleep\0${nap}`)).length >= 7);
      return job;
    };

    it("leaves no survivor of a hostile tree after a cancel", async () => {
      const nap = newNap();
      const job = await startHostileTree(nap);
      expect(await job.cancelStep(1, quickGrace)).toMatchObject({ endedBy: "kill" });
      expect(await job.waitStep(1)).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
      const receipt = await job.closeJob(quickGrace);
      expect(await findProcesses(nap)).toEqual([]);
      expect(receipt).toMatchObject({ leftCount: 0, containment: job.containment });
      expect(receipt.processesEnded).toBeGreaterThanOrEqual(4);
      expect(receipt.tookMs).toBeLessThan(5_000);
    });

    it("leaves no survivor of a hostile tree when the job is closed at once", async () => {
      const nap = newNap();
      const job = await startHostileTree(nap);
      const receipt = await job.closeJob(noGrace);
      expect(await findProcesses(nap)).toEqual([]);
      expect(receipt.processesEnded).toBeGreaterThanOrEqual(7);
      expect((await backend.readRemains(job.site))?.exits.get(1)).toMatchObject({ exitCode: 137 });
    });

    it("keeps a background process for the next step and ends it with the job", async () => {
      const nap = newNap();
      const job = await kit.openJob();
      await runShell(job, { stepNo: 1, script: `sleep ${nap} & echo $! >pid` });
      const { output } = await runShell(job, { stepNo: 2, script: "kill -0 $(cat pid) && echo still there" });
      expect(output.toString()).toBe("still there\n");
      expect(await job.closeJob()).toMatchObject({ processesEnded: 1, leftCount: 0 });
      expect(await findProcesses(nap)).toEqual([]);
    });

    it.each([
      ["ends on interrupt", `trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done`, "interrupt", 5],
      [
        "ends on terminate only",
        `trap '' INT; trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done`,
        "terminate",
        6,
      ],
      ["ends on nothing", `trap '' INT TERM; echo ready; while :; do sleep 0.05; done`, "kill", 137],
    ])("cancels a step that %s", async (_name, script, endedBy, exitCode) => {
      const job = await kit.openJob();
      await startShell(job, { script });
      await waitUntil("the trap", async () => (await outputLength(job.spoolPath(1))) > 0);
      const cancelled = await job.cancelStep(1, quickGrace);
      expect(cancelled.endedBy).toBe(endedBy);
      expect(cancelled.tookMs).toBeLessThan(2_000);
      expect(await job.waitStep(1)).toMatchObject({ exitCode });
    });

    it("leaves background processes of earlier steps alone when a step is cancelled", async () => {
      const nap = newNap();
      const job = await kit.openJob();
      await runShell(job, { stepNo: 1, script: `sleep ${nap} &` });
      await startShell(job, { stepNo: 2, script: "sleep 600" });
      await job.cancelStep(2, quickGrace);
      expect(await findProcesses(nap)).toHaveLength(1);
    });

    it("hurries a polite close that is under way when asked to close at once", async () => {
      const job = await kit.openJob();
      await startShell(job, { script: `trap '' INT TERM; echo ready; while :; do sleep 0.05; done` });
      await waitUntil("the trap", async () => (await outputLength(job.spoolPath(1))) > 0);
      const beganMs = performance.now();
      const polite = job.closeJob({ interruptMs: 30_000, terminateMs: 30_000 });
      await job.closeJob(noGrace);
      expect(await polite).toMatchObject({ leftCount: 0 });
      expect(performance.now() - beganMs).toBeLessThan(3_000);
    });

    it.each(["TERM", "SEGV", "KILL"])("tells a step that died of SIG%s by exit code and name", async (name) => {
      const job = await kit.openJob();
      const { exitCode, signal } = await runShell(job, { script: `ulimit -c 0; kill -${name} $$; sleep 5` });
      expect(signal).toBe(`SIG${name}`);
      expect(exitCode).toBeGreaterThan(128);
    });

    it("ends the job at its deadline also in the middle of a patient cancel", async () => {
      const nap = newNap();
      const site = await kit.newSite();
      const job = await backend.openJob(site, { deadlineBootMs: bootClockMs() + 60_000, deadlineGrace: quickGrace });
      await startShell(job, { script: `trap '' INT TERM; echo ready; sleep ${nap}; sleep ${nap}` });
      await waitUntil("the step", async () => (await findProcesses(nap)).length > 0);
      const cancelling = job.cancelStep(1, { interruptMs: 20_000, terminateMs: 20_000 });
      await waitUntil("the interrupt", async () => existsSync(`${site.siteDir}/steps/1/cancelled`));
      await job.setDeadline(bootClockMs() + 300);
      const beganMs = performance.now();
      await cancelling;
      expect(performance.now() - beganMs).toBeLessThan(6_000);
      expect(await job.closeJob()).toMatchObject({ endedByDeadline: true, leftCount: 0 });
      expect(await findProcesses(nap)).toEqual([]);
    });

    it("leaves no supervisor behind when its folder is wiped", async () => {
      const nap = newNap();
      const job = await kit.openJob();
      await startShell(job, { script: `sleep ${nap}` });
      await waitUntil("the step", async () => (await findProcesses(nap)).length > 0);
      await wipeSite(job.site);
      await waitUntil("its end", async () => (await findProcesses(nap)).length === 0);
      await waitUntil("the supervisor's end", async () => (await findProcesses(job.site.siteDir)).length === 0);
    });

    it("ends the job at its deadline, politely first, and says so", async () => {
      const nap = newNap();
      const site = await kit.newSite();
      const job = await backend.openJob(site, { deadlineBootMs: bootClockMs() + 60_000, deadlineGrace: quickGrace });
      await startShell(job, { script: `trap 'echo asked; exit 9' INT; setsid nohup sleep ${nap} & echo ready; wait` });
      await waitUntil("the trap", async () => (await outputLength(job.spoolPath(1))) > 0);
      await job.setDeadline(bootClockMs() + 200);
      expect(await job.waitStep(1)).toMatchObject({ exitCode: 9 });
      await waitUntil("the end of the supervisor", async () => (await backend.attachJob(site)) === undefined);
      expect(await findProcesses(nap)).toEqual([]);
      expect((await backend.readRemains(site))?.endedByDeadline).toBe(true);
      expect(await job.closeJob()).toMatchObject({ endedByDeadline: true, leftCount: 0 });
    });

    it("closes a job at any moment of a step's start, without delay and without a survivor", async () => {
      const nap = newNap();
      for (let round = 0; round < 12; round++) {
        const job = await kit.openJob();
        const starting = startShell(job, { script: `sleep ${nap}` }).then(
          () => "started",
          (error: BackendFault) => error.code,
        );
        if (round % 3 === 0) await starting;
        const beganMs = performance.now();
        expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
        expect(performance.now() - beganMs).toBeLessThan(1_900);
        expect(["started", "supervisor_gone"]).toContain(await starting);
        expect(await findProcesses(nap)).toEqual([]);
      }
    });

    it("leaves nothing behind when the supervisor is killed", async () => {
      const nap = newNap();
      const job = await kit.openJob();
      await startShell(job, { script: `setsid nohup sleep ${nap} & sleep ${nap}` });
      const waiting = expect(job.waitStep(1)).rejects.toMatchObject({ code: "supervisor_gone" });
      await waitUntil("both processes", async () => (await findProcesses(`sleep\0${nap}`)).length === 2);
      process.kill(job.supervisorPid, "SIGKILL");
      await waiting;
      expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
      await waitUntil("the end of the processes", async () => (await findProcesses(nap)).length === 0);
    });
  });
}

async function outputLength(path: string): Promise<number> {
  return (await stat(path)).size;
}
