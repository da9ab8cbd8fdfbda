import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { bootClockMs, type JobHandle, type OpenJobOptions, type StepBackend } from "../src/index.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, waitUntil } from "./job-kit.ts";

export interface ProcessConformanceBackend {
  readonly name: string;
  /** Made anew for every group of tests: a supervisor that was kept does not see what was mounted after its start. */
  readonly create: () => StepBackend;
  /** Where memory cannot be limited nothing can be said about what takes too much. */
  readonly canLimitMemory: boolean;
}

const quickGrace = { interruptMs: 400, terminateMs: 300 };
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const smallDiskBytes = 4 * 1024 * 1024;
let napCount = 0;
/** Seconds that nobody else sleeps, by which processes are told. */
const newNap = () => `76${++napCount}0.${process.pid}`;

/**
 * The promises of `StepBackend` that only real processes can break, kept alike on every backend whose steps are some. Scripts
 * run in `sh` with the small programs, in the job's workspace.
 */
export function describeProcessConformance({ name, create, canLimitMemory }: ProcessConformanceBackend): void {
  describe(`processes of the ${name} backend`, () => {
    const backend = create();
    const kit = createJobKit(backend);
    const mounts: string[] = [];
    afterEach(() => {
      for (const dir of mounts.splice(0)) execFileSync("umount", ["--lazy", dir]);
    });
    const mountSmallDisk = (dir: string, mode: string) => {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${smallDiskBytes},mode=${mode}`, "windrow-test", dir]);
      mounts.push(dir);
    };
    const open = async (options: Partial<OpenJobOptions> = {}) =>
      backend.openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + 60_000, ...options });
    const start = (job: JobHandle, script: string, stepNo = 1) =>
      job.startStep({
        stepNo,
        argv: ["sh", "-c", script],
        env: { PATH: path },
        cwd: join(job.site.workDir, "workspace"),
      });
    const outputOf = async (job: JobHandle, stepNo = 1) => (await readFile(job.spoolPath(stepNo))).toString();
    const run = async (job: JobHandle, script: string, stepNo = 1) => {
      await start(job, script, stepNo);
      const exit = await job.waitStep(stepNo);
      const output = (await readFile(job.spoolPath(stepNo))).subarray(0, exit.spoolBytes);
      return { ...exit, output };
    };
    const startHostileTree = async (job: JobHandle, nap: string) => {
      const script = `nohup sleep ${nap} >/dev/null 2>&1 &
        setsid sleep ${nap} &
        ( ( setsid sleep ${nap} & ) & )
        ( ( env -i setsid sleep ${nap} >/dev/null 2>&1 <&- & ) & )
        (trap '' INT TERM HUP; sleep ${nap}; sleep ${nap}) &
        echo ready; trap '' INT TERM; sleep ${nap}; sleep ${nap}`;
      await start(job, script);
      await waitUntil("the tree", async () => (await findProcesses(`sleep\0${nap}`)).length >= 6);
    };

    it("gives a step its variables exactly, whatever their names and values", async () => {
      const job = await open();
      const values = Array.from({ length: 255 }, (_, at) => String.fromCodePoint(at + 1)).join("");
      const env = {
        PATH: path,
        EMPTY: "",
        ALL: values,
        "INPUT_NODE-VERSION": "20",
        "a b.c/é": values,
        IFS: "x",
        PWD: "/x",
      };
      await job.startStep({ stepNo: 1, argv: ["env", "-0"], env, cwd: job.site.workDir });
      await job.waitStep(1);
      const entries = (await outputOf(job)).split("\0").slice(0, -1);
      const { WINDROW_JOB_COOKIE: cookie, ...seen } = Object.fromEntries(
        entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)),
      );
      expect(seen).toEqual(env);
      // one more only where nothing else tells whose a process is
      expect(cookie === undefined).toBe(job.containment !== "best-effort");
    });

    it("F22: keeps every byte value, and 10 MB of random bytes", async () => {
      const job = await open();
      const all = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
      await writeFile(join(job.site.workDir, "all"), all);
      const random = join(job.site.workDir, "workspace", "random");
      const { output } = await run(job, "cat ../all; head -c 10000000 /dev/urandom >random; cat random");
      expect(output.subarray(0, 256).equals(all)).toBe(true);
      expect(output.subarray(256).equals(await readFile(random))).toBe(true);
    });

    it("tells exit codes, programs and folders that are not there, and signals", async () => {
      const job = await open();
      expect(await run(job, "exit 42", 1)).toMatchObject({ exitCode: 42 });
      await job.startStep({ stepNo: 2, argv: ["no-such-program"], env: { PATH: path }, cwd: "/" });
      expect(await job.waitStep(2)).toMatchObject({ exitCode: 127 });
      await job.startStep({ stepNo: 3, argv: ["true"], env: { PATH: path }, cwd: "/no/such/folder" });
      expect(await job.waitStep(3)).toMatchObject({ exitCode: 126 });
      expect(await run(job, "kill -TERM $$; sleep 5", 4)).toMatchObject({ exitCode: 143, signal: "SIGTERM" });
      expect(await run(job, "kill -KILL $$; sleep 5", 5)).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    });

    it.each([
      ["interrupt", "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done", 5],
      ["terminate", "trap '' INT; trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done", 6],
      ["kill", "trap '' INT TERM; echo ready; while :; do sleep 0.05; done", 137],
    ])("cancels a step that ends on %s, and says so", async (endedBy, script, exitCode) => {
      const job = await open();
      await start(job, script);
      await waitUntil("the trap", async () => (await outputOf(job)) === "ready\n");
      const cancelled = await job.cancelStep(1, quickGrace);
      expect(cancelled.endedBy).toBe(endedBy);
      expect(cancelled.tookMs).toBeLessThan(3_000);
      expect(await job.waitStep(1)).toMatchObject({ exitCode });
    });

    it("F26: leaves no survivor of a hostile tree after a cancel, and counts what it ended", async () => {
      const nap = newNap();
      const job = await open();
      await startHostileTree(job, nap);
      expect(await job.cancelStep(1, quickGrace)).toMatchObject({ endedBy: "kill" });
      const receipt = await job.closeJob(quickGrace);
      expect(await findProcesses(nap)).toEqual([]);
      expect(receipt).toMatchObject({ leftCount: 0, containment: job.containment });
      expect(receipt.processesEnded).toBeGreaterThanOrEqual(3);
      expect(receipt.tookMs).toBeLessThan(15_000);
    });

    it("F26: leaves none when the job is closed at once", async () => {
      const nap = newNap();
      const job = await open();
      await startHostileTree(job, nap);
      expect((await job.closeJob()).leftCount).toBe(0);
      expect(await findProcesses(nap)).toEqual([]);
    });

    it("F26: keeps a background process for the next step, and does not wait for one that holds the output", async () => {
      const job = await open();
      const beganMs = performance.now();
      const { output, exitCode } = await run(job, "sleep 600 & echo $! >pid; echo last; exit 4", 1);
      expect([exitCode, output.toString()]).toEqual([4, "last\n"]);
      expect(performance.now() - beganMs).toBeLessThan(2_500);
      expect((await run(job, "kill -0 $(cat pid) && echo still there", 2)).output.toString()).toBe("still there\n");
    });

    it("ends the job at its deadline, politely first, and says so", async () => {
      const nap = newNap();
      const job = await open({ deadlineGrace: quickGrace });
      await start(
        job,
        `trap 'echo asked; exit 9' INT; setsid nohup sleep ${nap} & echo ready; while :; do sleep 0.05; done`,
      );
      await waitUntil("the trap", async () => (await outputOf(job)).includes("ready"));
      await job.setDeadline(bootClockMs() + 200);
      expect(await job.waitStep(1)).toMatchObject({ exitCode: 9 });
      expect(await job.closeJob()).toMatchObject({ endedByDeadline: true, leftCount: 0 });
      expect(await findProcesses(nap)).toEqual([]);
      expect((await backend.readRemains(job.site))?.endedByDeadline).toBe(true);
    });

    it("F23: lets a step fail that fills the workspace, and goes on when there is room again", async () => {
      const site = await kit.newSite();
      mountSmallDisk(join(site.workDir, "workspace"), "1777");
      const fresh = create();
      const job = await fresh.openJob(site, { deadlineBootMs: bootClockMs() + 60_000 });
      const full = await run(job, "cat /dev/zero >big", 1);
      expect(full.exitCode).toBe(1);
      expect(full.output.toString()).toContain("No space left on device");
      expect((await run(job, "rm big; echo fine >small; cat small", 2)).output.toString()).toBe("fine\n");
      await job.closeJob();
      await fresh.close();
    });

    it.runIf(canLimitMemory)(
      "tells a step that took more memory than the job may have from one that failed",
      async () => {
        const job = await open({ limits: { memoryBytes: 64_000_000 } });
        const first = await run(job, "head -c 400000000 /dev/zero | tail -c 400000000 >/dev/null", 1);
        expect(first.isOutOfMemory).toBe(true);
        const second = await run(job, "exit 137", 2);
        expect(second.exitCode).toBe(137);
        expect(second.isOutOfMemory).toBeUndefined();
      },
    );

    it("leaves no launch script behind", async () => {
      const job = await open();
      await run(job, "true");
      await job.closeJob();
      const left = ["steps/1/launch", "door/launch.1"].filter((one) => existsSync(join(job.site.siteDir, one)));
      expect(left).toEqual([]);
    });
  });
}
