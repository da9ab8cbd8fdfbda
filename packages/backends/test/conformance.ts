import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type BackendFault, bootClockMs, type JobHandle, noGrace, type StepBackend } from "../src/index.ts";
import { createJobKit, waitUntil } from "./job-kit.ts";

/** What a backend under test is asked to do, in words that every kind of backend can be made to understand. */
export interface ConformanceStep {
  readonly stepNo: number;
  readonly output?: string;
  readonly exitCode?: number;
  /** The step goes on until it is cancelled. */
  readonly isEndless?: boolean;
}

export interface ConformanceBackend {
  readonly name: string;
  readonly backend: StepBackend;
  readonly argvFor: (step: ConformanceStep) => readonly string[];
  readonly killSupervisor: (job: JobHandle) => void;
}

/** The promises of `StepBackend` that every backend keeps. */
export function describeConformance({ name, backend, argvFor, killSupervisor }: ConformanceBackend): void {
  describe(`the ${name} backend`, () => {
    const kit = createJobKit(backend);
    const start = (job: JobHandle, step: ConformanceStep, isBeside = false) =>
      job.startStep({
        isBeside,
        stepNo: step.stepNo,
        argv: argvFor(step),
        env: { PATH: "/usr/bin:/bin" },
        cwd: job.site.workDir,
      });
    const codeOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "no fault",
        (error: BackendFault) => error.code,
      );

    it("runs a step and gives back its exit code and its output", async () => {
      const job = await kit.openJob();
      const beforeMs = Date.now();
      await start(job, { stepNo: 1, output: "hello\n", exitCode: 3 });
      const exit = await job.waitStep(1);
      expect(exit).toMatchObject({ exitCode: 3, spoolBytes: 6 });
      expect(exit.signal).toBeUndefined();
      expect(exit.startedAtMs).toBeGreaterThanOrEqual(beforeMs - 50);
      expect(exit.endedAtMs).toBeGreaterThanOrEqual(exit.startedAtMs);
      expect(await readFile(job.spoolPath(1), "utf8")).toBe("hello\n");
    });

    it("does not start a step twice, neither while it runs nor after it ended", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, output: "once\n", isEndless: true });
      await start(job, { stepNo: 1, output: "once\n", isEndless: true });
      await waitUntil("the output", async () => (await readFile(job.spoolPath(1), "utf8")) === "once\n");
      await job.cancelStep(1);
      await start(job, { stepNo: 1, output: "once\n" });
      expect((await job.waitStep(1)).spoolBytes).toBe(5);
    });

    it("keeps the output of each step apart", async () => {
      const job = await kit.openJob();
      for (const stepNo of [1, 2, 3]) {
        await start(job, { stepNo, output: `step ${stepNo}` });
        await job.waitStep(stepNo);
      }
      expect(await readFile(job.spoolPath(2), "utf8")).toBe("step 2");
    });

    it("refuses a second step beside a running one", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, isEndless: true });
      expect(await codeOf(start(job, { stepNo: 2 }))).toBe("step_running");
    });

    it("runs steps beside one another when all are started so", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 7, output: "server\n", isEndless: true }, true);
      await start(job, { stepNo: 2, output: "test\n", exitCode: 4 }, true);
      expect(await job.waitStep(2)).toMatchObject({ exitCode: 4, spoolBytes: 5 });
      await start(job, { stepNo: 3, output: "more\n" }, true);
      expect(await job.waitStep(3)).toMatchObject({ exitCode: 0, spoolBytes: 5 });
      expect(await job.cancelStep(7)).toMatchObject({ endedBy: "interrupt" });
      expect(await job.waitStep(7)).toMatchObject({ exitCode: 130, signal: "SIGINT", spoolBytes: 7 });
      expect(await readFile(job.spoolPath(7), "utf8")).toBe("server\n");
    });

    it("cancels a running step and says with which signal", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, isEndless: true });
      expect(await job.cancelStep(1)).toMatchObject({ endedBy: "interrupt" });
      expect(await job.waitStep(1)).toMatchObject({ exitCode: 130, signal: "SIGINT" });
    });

    it("cancels nothing when the step has ended, and refuses to cancel one that never began", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1 });
      await job.waitStep(1);
      expect(await job.cancelStep(1)).toMatchObject({ endedBy: "nothing" });
      expect(await codeOf(job.cancelStep(2))).toBe("step_unknown");
    });

    it("gives up waiting, not the step, when the signal aborts", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, isEndless: true });
      const abort = new AbortController();
      const waiting = job.waitStep(1, abort.signal);
      abort.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      expect(await job.cancelStep(1)).toMatchObject({ endedBy: "interrupt" });
    });

    it("closes a job with a running step, as often as asked, and then starts nothing", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, isEndless: true });
      const [first, second] = await Promise.all([job.closeJob(noGrace), job.closeJob()]);
      expect(first).toMatchObject({ leftCount: 0, endedByDeadline: false });
      expect(second.leftCount).toBe(0);
      expect((await job.closeJob()).leftCount).toBe(0);
      expect(await codeOf(start(job, { stepNo: 2 }))).toBe("supervisor_gone");
    });

    it("attaches to an open job and to no other", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, output: "x" });
      const again = await backend.attachJob(job.site);
      expect(await again?.waitStep(1)).toMatchObject({ exitCode: 0, spoolBytes: 1 });
      await job.closeJob();
      expect(await backend.attachJob(job.site)).toBeUndefined();
      expect(await backend.attachJob(await kit.newSite())).toBeUndefined();
      expect((await backend.readRemains(job.site))?.exits.get(1)).toMatchObject({ exitCode: 0 });
    });

    it("opens a site only once", async () => {
      const job = await kit.openJob();
      expect(await codeOf(backend.openJob(job.site, { deadlineBootMs: bootClockMs() + 60_000 }))).toBe("site_exists");
    });

    it("reports a dead supervisor as a fault and never as the end of a step", async () => {
      const job = await kit.openJob();
      await start(job, { stepNo: 1, isEndless: true });
      const waiting = codeOf(job.waitStep(1));
      killSupervisor(job);
      expect(await waiting).toBe("supervisor_gone");
      expect((await backend.readRemains(job.site))?.exits.size).toBe(0);
      expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
    });
  });
}
