// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import type { Plan } from "@windrow/model";
import { systemClock } from "@windrow/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BATCH_DELAY_MS } from "../src/reports/step-reporter.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { planOf, runStep } from "./fake-controller.ts";

let bench: AgentBench;
beforeEach(() => {
  bench = new AgentBench();
});
afterEach(() => bench.stop());

describe("a job on the host", () => {
  it("runs from offer to finish with its log whole", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo hello; echo world >&2")]));
    const finish = await bench.finished(attempt);
    expect(finish.outcome).toBe("succeeded");
    expect(bench.controller.log(attempt, "0").toString()).toBe("hello\nworld\n");
    const sha256 = createHash("sha256").update("hello\nworld\n").digest("hex");
    expect(finish.seals).toContainEqual({ stream: "0", lengthBytes: 12, sha256 });
    expect(finish.receipt.leftCount).toBe(0);
    expect(bench.controller.answers).toMatchObject([{ accepted: true }]);
    expect(attempt.reports.at(-1)).toMatchObject({ stepNo: 0, state: "finished", outcome: "succeeded", exitCode: 0 });
    await waitFor("the folders to go", () => bench.workFolders().length === 0);
    await waitFor("the spool to go", () => bench.sites().length === 0);
    expect(bench.controller.problems).toEqual([]);
  });

  it("reports its steps with its end when it is over before a batch of reports is due", async () => {
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === BATCH_DELAY_MS ? 60_000 : ms, signal);
    bench = new AgentBench({ clock: { ...systemClock, sleep } });
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("true"), runStep("true")]));
    await bench.finished(attempt);
    expect(bench.outcomes(attempt)).toEqual(["succeeded", "succeeded"]);
    expect(attempt.reportCallsCount).toBe(0);
  });

  it("gives steps what the documentation promises", async () => {
    await bench.start();
    const names = [
      "GITHUB_REPOSITORY",
      "GITHUB_REF_NAME",
      "GITHUB_RUN_ID",
      "GITHUB_JOB",
      "CI",
      "RUNNER_OS",
      "FROM_JOB",
      "FROM_STEP",
    ];
    const print = names.map((name) => `echo "${name}=$${name}"`).join("\n");

    const steps = [
      runStep(
        `${print}\ntest "$PWD" = "$GITHUB_WORKSPACE"\ntest -d "$RUNNER_TEMP"\ntest -d "$HOME"\ngrep -q after "$GITHUB_EVENT_PATH"`,
        {
          env: [["FROM_STEP", "${{ env.FROM_JOB }} and ${{ github.sha }}"]],
        },
      ),
    ];
    const attempt = bench.controller.offer(
      planOf(steps, { env: [["FROM_JOB", "job-${{ matrix.os }}"]], matrix: { os: "x" } }),
    );
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").toString().split("\n")).toEqual([
      "GITHUB_REPOSITORY=acme/app",
      "GITHUB_REF_NAME=main",
      "GITHUB_RUN_ID=7",
      "GITHUB_JOB=build",
      "CI=true",
      "RUNNER_OS=Linux",
      "FROM_JOB=job-x",
      `FROM_STEP=job-x and ${"a".repeat(40)}`,
      "",
    ]);
  });

  it("carries variables, paths and outputs from step to step and out of the job", async () => {
    await bench.start();
    const steps = [
      runStep(
        `echo "COLOUR=blue" >> "$GITHUB_ENV"
printf 'LINES<<END\\none\\ntwo\\nEND\\n' >> "$GITHUB_ENV"
mkdir -p bin && printf '#!/bin/sh\\necho mine\\n' > bin/my-tool && chmod +x bin/my-tool
echo "$PWD/bin" >> "$GITHUB_PATH"
echo "answer=42" >> "$GITHUB_OUTPUT"`,
        { id: "first" },
      ),
      runStep('echo "$COLOUR $LINES"; my-tool; echo "${{ steps.first.outputs.answer }} ${{ env.COLOUR }}"'),
    ];
    const attempt = bench.controller.offer(
      planOf(steps, { outputs: [["answer", "${{ steps.first.outputs.answer }}!"]] }),
    );
    const finish = await bench.finished(attempt);
    expect(bench.controller.log(attempt, "1").toString()).toBe("blue one\ntwo\nmine\n42 blue\n");
    expect(finish).toMatchObject({ outcome: "succeeded", outputs: { answer: "42!" } });
  });

  it("skips what follows a failure unless its condition says otherwise", async () => {
    await bench.start();
    const steps = [
      runStep("exit 3"),
      runStep("echo never"),
      runStep("echo after ${{ job.status }}", { condition: "always()" }),
      runStep("echo failed", { condition: "failure()" }),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed", reason: "step_failed" });
    expect(bench.outcomes(attempt)).toEqual(["failed", "skipped", "succeeded", "succeeded"]);
    expect(attempt.reports.find((report) => report.outcome === "failed")).toMatchObject({
      exitCode: 3,
      conclusion: "failure",
    });
    expect(bench.controller.log(attempt, "2").toString()).toBe("after failure\n");
    expect(attempt.streams.has("1")).toBe(false);
  });

  it("goes on after a failure that may happen, and tells outcome from conclusion", async () => {
    await bench.start();
    const steps = [
      runStep("exit 1", { id: "may", continueOnError: "true" }),
      runStep("echo ${{ steps.may.outcome }} ${{ steps.may.conclusion }}"),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "1").toString()).toBe("failure success\n");
  });

  it("ends a step at its own timeout and calls that a failure", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("sleep 60", { timeoutMinutes: "0.005" })]));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed" });
    expect(bench.outcomes(attempt)).toEqual(["timed_out"]);
  });

  it("ends a job at its timeout", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("sleep 60")], { timeoutMs: 400 }));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "timed_out", reason: "timeout" });
  });

  it("ends the processes a job left behind and says so", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("setsid sleep 300 >/dev/null 2>&1 & echo started")]));
    const finish = await bench.finished(attempt);
    expect(finish.receipt).toMatchObject({ leftCount: 0 });
    expect(finish.receipt.processesEndedCount).toBeGreaterThan(0);
  });

  it("fails a step whose files, shell or expressions are wrong, with a sentence in the system log", async () => {
    await bench.start();
    const steps = [
      runStep("echo x", { shell: "fish" }),
      runStep("echo broken >> $GITHUB_OUTPUT", { condition: "always()" }),
      runStep("echo ${{ fromJSON('{') }}", { condition: "always()" }),
      runStep("ln -sf /etc/passwd $GITHUB_ENV 2>/dev/null || true", { condition: "always()" }),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed" });
    const system = bench.controller.log(attempt, "system").toString();
    expect(system).toContain("the shell 'fish' is not known");
    expect(system).toContain("GITHUB_OUTPUT, line 1");
    expect(system).toContain("fromJSON got a text that is not JSON");
  });

  it("obeys commands in the output and hides what they call secret", async () => {
    await bench.start();
    const steps = [
      runStep('echo open-sesame; echo "::add-mask::open-sesame"; echo open-sesame; echo "::set-env name=A::b"', {
        continueOnError: "true",
      }),
      runStep('echo "again open-sesame $A"; echo "::set-output name=x::y"', { id: "old" }),
      runStep("echo ${{ steps.old.outputs.x }} s3cret"),
    ];
    const attempt = bench.controller.offer(planOf(steps), { masks: ["s3cret"] });
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").toString()).toBe(
      "open-sesame\n::add-mask::***\n***\n::set-env name=A::b\n",
    );
    expect(bench.controller.log(attempt, "1").toString()).toBe("again *** \n::set-output name=x::y\n");
    expect(bench.controller.log(attempt, "2").toString()).toBe("y ***\n");
    expect(bench.lastReport(attempt, 0)).toMatchObject({
      outcome: "failed",
      annotations: [{ level: "error", message: expect.stringContaining("'set-env' is refused") }],
    });
  });

  it("shows no part of a secret where words are cut", async () => {
    await bench.start();
    const secret = `begin-${"0123456789".repeat(15)}-end`;
    const steps = [
      runStep(`printf 'KEY=first\\n%s\\n' ${secret} >> "$GITHUB_ENV"`, { name: `${"n".repeat(150)}${secret}` }),
    ];
    const attempt = bench.controller.offer(planOf(steps), { masks: [secret] });
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed" });
    const report = attempt.reports.at(-1);
    expect(report).toMatchObject({ name: `${"n".repeat(150)}***`, fault: expect.stringContaining("'***'") });
    expect(JSON.stringify([attempt.reports, bench.controller.log(attempt, "system").toString()])).not.toContain(
      "begin-",
    );
  });

  it("takes no more variables from a step than expressions can bear, and goes on", async () => {
    await bench.start();
    const steps = [
      runStep('seq -f "v%g=" 60000 >> "$GITHUB_ENV"', { continueOnError: "true" }),
      runStep('echo "[${v1-none}] ${{ env.v1 }}"', { env: Array.from({ length: 50 }, (_, no) => [`E${no}`, "x"]) }),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    const first = attempt.reports.filter((report) => report.stepNo === 0).at(-1);
    expect(first?.fault ?? "").toMatch(/more for later ones than 10000 outputs and variables/);
    expect(bench.controller.log(attempt, "1").toString()).toBe("[none] \n");
  });

  it("tells no secret in the name or the fault of a step, and no endless ones", async () => {
    await bench.start();
    const steps = [
      runStep("echo 'who=hush' >>$GITHUB_OUTPUT; printf 'long=%05000d\\n' 7 >>$GITHUB_OUTPUT", { id: "first" }),
      runStep("true", { name: "for ${{ steps.first.outputs.who }} ${{ steps.first.outputs.long }}" }),
      runStep("true", { shell: "${{ steps.first.outputs.who }}" }),
    ];
    const attempt = bench.controller.offer(planOf(steps), { masks: ["hush"] });
    await bench.finished(attempt);
    const last = (stepNo: number) => attempt.reports.filter((report) => report.stepNo === stepNo).at(-1);
    expect(last(1)?.name).toMatch(/^for \*\*\* 0+$/);
    expect(last(1)?.name?.length).toBeLessThanOrEqual(200);
    expect(last(2)?.fault).toContain("the shell '***' is not known");
  });

  it("bounds what a step may have it remember", async () => {
    await bench.start();
    const long = 'long=$(printf "%060000d" 0)';
    const steps = [
      runStep(`${long}; for no in 1 2 3 4 5 6; do echo "::add-mask::secret-$no-$long"; done; echo "secret-1-$long"`),
      runStep(`${long}; for no in $(seq 40); do echo "::set-output name=o$no::$long"; done`, { id: "many" }),
      runStep("for no in $(seq 100); do echo '::set-env name=A::b'; done"),
    ];
    const outputs: Plan["outputs"] = [["all", "${{ toJSON(steps.many.outputs) }}"]];
    const attempt = bench.controller.offer(planOf(steps, { outputs }));
    await bench.finished(attempt);
    const remarks = (stepNo: number) => bench.lastReport(attempt, stepNo)?.annotations?.map(({ message }) => message);
    expect(remarks(0)).toEqual(Array(2).fill(expect.stringContaining("more is called secret than can be hidden")));
    expect(remarks(1)).toEqual(Array(10).fill(expect.stringContaining("the step has set too many")));
    expect(remarks(2)).toEqual(Array(10).fill(expect.stringContaining("'set-env' is refused")));
    expect(bench.controller.log(attempt, "0").toString()).toMatch(/\n\*\*\*\n$/);
  });

  it("hides the job's own token", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo ${{ github.token }}")]));
    await bench.finished(attempt);
    expect(bench.controller.log(attempt, "0").toString()).toBe("***\n");
  });

  it("runs several jobs at once, as many as it has slots, and declines more", async () => {
    bench = new AgentBench({ slotsCount: 2 });
    await bench.start();
    const wait = planOf([
      runStep('touch "$RUNNER_TEMP/on"; while ! [ -e /tmp/never ] && [ -e "$RUNNER_TEMP/on" ]; do sleep 0.02; done'),
    ]);
    const first = bench.controller.offer(wait);
    const second = bench.controller.offer(wait);
    await waitFor("both to run", () => first.reports.length > 0 && second.reports.length > 0);
    const third = bench.controller.offer(wait);
    await waitFor("three answers", () => bench.controller.answers.length === 3);
    expect(bench.controller.answers[2]).toMatchObject({
      attemptId: third.offer.attemptId,
      accepted: false,
      declineReason: "no_free_slot",
    });
    for (const { offer } of [first, second]) bench.controller.say({ kind: "cancel", ...offer, reason: "enough" });
    expect(await bench.finished(first)).toMatchObject({ outcome: "cancelled" });
    expect(await bench.finished(second)).toMatchObject({ outcome: "cancelled" });
  });

  it("leaves an output that holds a secret out, and says so", async () => {
    await bench.start();
    const steps = [
      runStep('echo "open=yes" >> $GITHUB_OUTPUT; echo "closed=my s3cret" >> $GITHUB_OUTPUT', { id: "say" }),
    ];
    const outputs: [string, string][] = [
      ["open", "${{ steps.say.outputs.open }}"],
      ["closed", "${{ steps.say.outputs.closed }}"],
    ];
    const attempt = bench.controller.offer(planOf(steps, { outputs }), { masks: ["s3cret"] });
    expect((await bench.finished(attempt)).outputs).toEqual({ open: "yes" });
    expect(bench.controller.log(attempt, "system").toString()).toContain(
      "output 'closed' is left out: it may hold a secret",
    );
  });
});
