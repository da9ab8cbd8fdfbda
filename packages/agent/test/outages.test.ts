// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHostBackend } from "@windrow/backends";
import { Refusal } from "@windrow/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { type FakeAttempt, planOf, runStep } from "./fake-controller.ts";

let bench: AgentBench;
beforeEach(() => {
  bench = new AgentBench();
});
afterEach(() => bench.stop());

/** A file outside the job by which a test tells a step to go on. */
const gate = (name: string) => join(bench.dir, name);
const waitAtGate = (name: string) => `while ! [ -e ${gate(name)} ]; do sleep 0.02; done`;
const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

const openGate = (name: string) => writeFileSync(gate(name), "");

/** Processes of this name that belong to the attempt. */
function processesNamed(name: string, attempt: FakeAttempt): number[] | undefined {
  const found = readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry) || read(`/proc/${entry}/comm`).trim() !== name) return false;
    return read(`/proc/${entry}/environ`).includes(`WINDROW_ATTEMPT_ID=${attempt.offer.attemptId}`);
  });
  return found.length === 0 ? undefined : found.map(Number);
}

/** Processes come and go while they are looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}

const logged = (attempt: FakeAttempt, stream: string, text: string) =>
  waitFor(`"${text}"`, () => bench.controller.log(attempt, stream).includes(text));

describe("outages", () => {
  it("keeps a step running while the controller is away and ships the rest afterwards", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo before; ${waitAtGate("go")}; echo after`)]));
    await logged(attempt, "0", "before");
    await bench.controller.stop();
    openGate("go");
    await bench.controller.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").toString()).toBe("before\nafter\n");
    expect(bench.controller.hellos.at(-1)?.held).toHaveLength(1);
  });

  it("goes on with a step that ended and wrote much while the agent was down", async () => {
    const agent = await bench.start();
    const steps = [
      runStep(
        `echo "::add-mask::hush"; echo before; ${waitAtGate("go")}; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo hush; touch ${gate("done")}`,
      ),
      runStep("echo next hush"),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    await logged(attempt, "0", "before");
    await agent.stop();
    openGate("go");
    await waitFor("the step to end", () => existsSync(gate("done")));
    await bench.start();
    const finish = await bench.finished(attempt);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    const log = bench.controller.log(attempt, "0");
    const expected = Buffer.from(`::add-mask::***\nbefore\n${"x".repeat(5_000_000)}\n***\n`);
    expect(log.length).toBe(expected.length);
    expect(log.equals(expected)).toBe(true);
    expect(finish.seals.find((seal) => seal.stream === "0")?.sha256).toBe(
      createHash("sha256").update(expected).digest("hex"),
    );
    expect(bench.controller.log(attempt, "1").toString()).toBe("next ***\n");
    expect(attempt.startsCount).toBe(2);
  });

  it("begins nothing again when the site went with the memory of a machine that restarted", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo up; exec sleep 300"), runStep("echo again")]));
    await logged(attempt, "0", "up");
    const children = await waitFor("the sleep", () => processesNamed("sleep", attempt));
    await agent.stop();
    const site = join(bench.agentDir, "sites", attempt.offer.attemptId);
    process.kill(Number(read(join(site, "supervisor.pid")).split(" ")[0]), "SIGKILL");
    for (const pid of children) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    await waitFor("the processes to go", () => children.every((pid) => !isAlive(pid)));
    rmSync(site, { recursive: true });
    await bench.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
    expect(bench.controller.log(attempt, "0").toString()).toBe("up\n");
    expect(attempt.reports.some((report) => report.stepNo === 1)).toBe(false);
  });

  it("goes on with a log of which more than a window was durable when the agent went down", async () => {
    const agent = await bench.start();
    const script = `head -c 20000000 /dev/zero | tr '\\0' x; ${waitAtGate("go")}; echo end`;
    const attempt = bench.controller.offer(planOf([runStep(script)]));
    await waitFor("the log", () => attempt.lengths.get("0") === 20_000_000);
    await agent.stop();
    await bench.start();
    openGate("go");
    expect(await bench.finished(attempt, 15_000)).toMatchObject({ outcome: "succeeded" });
    const expected = createHash("sha256")
      .update(`${"x".repeat(20_000_000)}end\n`)
      .digest("hex");
    expect(createHash("sha256").update(bench.controller.log(attempt, "0")).digest("hex")).toBe(expected);
  });

  it("ships the same bytes after a restart: a secret counts from where it was announced", async () => {
    const agent = await bench.start();
    const steps = [
      runStep('echo "early hush"'),
      runStep(`echo "not yet hush"; echo "::add-mask::hush"; echo "now hush"; ${waitAtGate("go")}; echo "late hush"`),
      runStep("echo after hush"),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    await logged(attempt, "1", "now ***");
    await agent.stop();
    await bench.start();
    openGate("go");
    const finish = await bench.finished(attempt);
    const expected = ["early hush\n", "not yet hush\n::add-mask::***\nnow ***\nlate ***\n", "after ***\n"];
    for (const [stepNo, text] of expected.entries()) {
      expect(bench.controller.log(attempt, `${stepNo}`).toString()).toBe(text);
      const seal = finish.seals.find(({ stream }) => stream === `${stepNo}`);
      expect(seal?.sha256).toBe(createHash("sha256").update(text).digest("hex"));
    }
  });

  it("brings a result that waited for the controller across a restart of the agent", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo one; ${waitAtGate("go")}; echo two`)]));
    await logged(attempt, "0", "one");
    await bench.controller.stop();
    openGate("go");
    await waitFor("the job to be over", () =>
      readFileSync(join(bench.agentDir, "journal.jsonl"), "utf8").includes("finishing"),
    );
    await agent.stop();
    await bench.controller.start();
    await bench.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").toString()).toBe("one\ntwo\n");
  });

  it("runs step after step while no log byte becomes durable, and ships all of it later", async () => {
    await bench.start();
    bench.controller.areLogsDurable = false;
    const steps = [runStep("head -c 12000000 /dev/zero | tr '\\0' y"), runStep(`echo second; touch ${gate("second")}`)];
    const attempt = bench.controller.offer(planOf(steps));
    await waitFor("the second step", () => existsSync(gate("second")));
    expect(bench.controller.log(attempt, "0").length).toBeLessThan(9_000_000);
    await bench.controller.stop();
    bench.controller.areLogsDurable = true;
    await bench.controller.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    expect(bench.controller.log(attempt, "0").length).toBe(12_000_000);
  });

  it("ships a stream again from where the controller lacks bytes", async () => {
    await bench.start();
    bench.controller.needLog = { stream: "0", offset: 4 };
    const attempt = bench.controller.offer(planOf([runStep("echo one; echo two; echo three")]));
    await bench.finished(attempt);
    expect(attempt.finishesCount).toBe(2);
    expect(bench.controller.log(attempt, "0").toString()).toBe("one\ntwo\nthree\n");
  });
});

describe("losing the lease", () => {
  it("ends the jobs of an earlier process when the farm wants no agent any more", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo begun; sleep 60`)]));
    await logged(attempt, "0", "begun");
    const [pid] = await waitFor("the step", () => processesNamed("sleep", attempt));
    await agent.stop();
    bench.controller.refuseHello = new Refusal("not_allowed", "the agent was removed");
    const second = await bench.start({ untilConnected: false });
    await waitFor("the refusal", () => bench.refusals.length > 0);
    await second.stop();
    await waitFor("the step's end", () => !isAlive(pid ?? 0));
    expect(bench.sites()).toEqual([]);
  });

  it("leaves nothing running of a job whose supervisor was killed where no namespace holds it", async () => {
    await bench.stop();
    bench = new AgentBench({ backend: createHostBackend({ containment: "best-effort" }) });
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo begun; sleep 60")]));
    await logged(attempt, "0", "begun");
    const [pid] = await waitFor("the step", () => processesNamed("sleep", attempt));
    await agent.stop();
    const site = join("sites", attempt.offer.attemptId);
    const supervisors = readdirSync("/proc").filter((entry) => {
      const words = /^\d+$/.test(entry) ? read(`/proc/${entry}/cmdline`) : "";
      return words.includes("supervisor.sh") && words.includes(site);
    });
    for (const supervisor of supervisors) process.kill(Number(supervisor), "SIGKILL");
    await bench.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
    await waitFor("the step's end", () => !isAlive(pid ?? 0), 2_000);
  });

  it("leaves nothing running of a job that it cannot go on with", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo begun; sleep 60")]));
    await logged(attempt, "0", "begun");
    const [pid] = await waitFor("the step", () => processesNamed("sleep", attempt));
    await agent.stop();
    // Where the deadline is written anew.
    mkdirSync(join(bench.agentDir, "sites", attempt.offer.attemptId, "deadline.new"));
    await bench.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
    await waitFor("the step's end", () => !isAlive(pid ?? 0), 2_000);
  });

  it("comes back after a refusal that another try may change", async () => {
    await bench.start();
    await bench.controller.stop();
    bench.controller.refuseHello = new Refusal("too_many", "too many sessions at once");
    await bench.controller.start();
    await waitFor("the refused try", () => bench.controller.refusedHellosCount > 0);
    bench.controller.refuseHello = undefined;
    await waitFor("the session", () => bench.controller.isConnected);
    expect(bench.refusals).toEqual([]);
  });

  it("ends the processes at once and writes nothing more", async () => {
    await bench.start();
    const attempt = bench.controller.offer(
      planOf([runStep(`trap '' INT TERM; echo $$ > ${gate("pid")}; echo up; sleep 300`)]),
    );
    await logged(attempt, "0", "up");
    const children = await waitFor("the sleep", () => processesNamed("sleep", attempt));
    attempt.revoked = true;
    await waitFor("the processes to go", () => children.every((pid) => !isAlive(pid)), 5_000);
    await waitFor("the spool to go", () => bench.sites().length === 0);
    await waitFor("the work folder to go", () => bench.workFolders().length === 0);
    expect(attempt.finish).toBeUndefined();
  });

  it("ends a job whose lease was lost while the agent was down", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo up; sleep 300")]));
    await logged(attempt, "0", "up");
    const children = await waitFor("the sleep", () => processesNamed("sleep", attempt));
    await agent.stop();
    attempt.revoked = true;
    expect(children.every(isAlive)).toBe(true);
    await bench.start();
    await waitFor("the processes to go", () => children.every((pid) => !isAlive(pid)), 5_000);
    await waitFor("the spool to go", () => bench.sites().length === 0);
  });

  it("lets the supervisor end an exclusive job when renewals stop", async () => {
    bench.controller.terms = { ...bench.controller.terms, leaseTtlMs: 2_500, leaseMarginMs: 300 };
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep("echo up; sleep 300")], { exclusive: true }));
    await logged(attempt, "0", "up");
    bench.controller.renews = false;
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "lost", reason: "lease_expired" });
  });

  it("leaves the jobs to a newer process that took over", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo up; ${waitAtGate("go")}`)]));
    await logged(attempt, "0", "up");
    bench.controller.refuseHello = new Refusal("conflict", "superseded by a newer process");
    await bench.controller.stop();
    await bench.controller.start();
    await waitFor("the refusal", () => bench.refusals.length > 0);
    bench.controller.refuseHello = undefined;
    await bench.start();
    openGate("go");
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
  });
});

describe("being asked to stop", () => {
  it("ends the current step with grace and lets steps that want to see the cancel run", async () => {
    await bench.start();
    const steps = [
      runStep("trap 'echo interrupted; exit 0' INT; echo up; while :; do sleep 0.05; done"),
      runStep("echo never"),
      runStep("echo cleaning ${{ job.status }}", { condition: "cancelled()" }),
    ];
    const attempt = bench.controller.offer(planOf(steps));
    await logged(attempt, "0", "up");
    bench.controller.say({ kind: "cancel", ...attempt.offer, reason: "a person asked" });
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "cancelled", reason: "cancelled" });
    expect(bench.controller.log(attempt, "0").toString()).toBe("up\ninterrupted\n");
    expect(bench.controller.log(attempt, "2").toString()).toBe("cleaning cancelled\n");
    expect(bench.outcomes(attempt)).toEqual(["cancelled", "skipped", "succeeded"]);
  });

  it("starts nothing of a job that was cancelled before its start", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`touch ${gate("ran")}`)]), { cancelRequested: true });
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "cancelled" });
    expect(existsSync(gate("ran"))).toBe(false);
  });

  it("hears of a cancel in the answer to a report", async () => {
    await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo up; ${waitAtGate("go")}`), runStep("sleep 300")]));
    await logged(attempt, "0", "up");
    attempt.cancelRequested = true;
    openGate("go");
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "cancelled" });
  });

  it("lets running jobs end while it drains, and takes no others", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(planOf([runStep(`echo up; ${waitAtGate("go")}`)]));
    await logged(attempt, "0", "up");
    const drained = agent.drain();
    const other = bench.controller.offer(planOf([runStep("true")]));
    await waitFor("the answer", () =>
      bench.controller.answers.find((answer) => answer.attemptId === other.offer.attemptId),
    );
    expect(bench.controller.answers.at(-1)).toMatchObject({ accepted: false, declineReason: "draining" });
    openGate("go");
    await drained;
    expect(attempt.finish).toMatchObject({ outcome: "succeeded" });
  });

  it("gives jobs back when it must go", async () => {
    const agent = await bench.start();
    const attempt = bench.controller.offer(
      planOf([runStep("echo up; sleep 300"), runStep("echo never", { condition: "always()" })]),
    );
    await logged(attempt, "0", "up");
    await agent.giveBack();
    expect(attempt.finish).toMatchObject({ outcome: "lost", reason: "agent_stopping" });
    expect(attempt.streams.has("1")).toBe(false);
  });
});
