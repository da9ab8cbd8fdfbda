import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findSandbox } from "@windrow/backends";
import { JOB_POLICY_DEFAULT, type JobPolicy } from "@windrow/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { type AgentProcess, type FakeJoin, GOOD_TOKEN, startAgentProcess, startFakeJoin } from "./agent-process.ts";
import { FakeController, planOf, runStep } from "./fake-controller.ts";

const sandbox = await findSandbox(undefined);
const hasSandbox = "bwrap" in sandbox;
const SANDBOX: JobPolicy = { ...JOB_POLICY_DEFAULT, confinement: "sandbox", farmAccess: true };
/** Sees its own root only where a sandbox stands around it. */
const LOOK = runStep("if [ -e /var/lib ]; then echo on-the-machine; else echo in-a-sandbox; fi");

let folder: string;
let controller: FakeController;
let joins: FakeJoin;
let agent: AgentProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "windrow-policy-"));
  chmodSync(folder, 0o777);
  controller = new FakeController();
  await controller.start();
  joins = await startFakeJoin(controller.address);
});
afterEach(async () => {
  agent?.signal("SIGKILL");
  await agent?.exited;
  joins.stop();
  await controller.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(env: { [name: string]: string } = {}): Promise<void> {
  const own = { WINDROW_AGENT_DIR: join(folder, "agent"), WINDROW_URL: joins.url, WINDROW_JOIN_TOKEN: GOOD_TOKEN };
  agent = startAgentProcess({ ...own, WINDROW_AGENT_STOP: "now", ...env });
  await waitFor("ready", () => agent?.stdout().includes('"msg":"ready"'), 30_000);
}

it.skipIf(!hasSandbox)("a job runs where its pool says, whatever the agent was started for", async () => {
  controller.policy = SANDBOX;
  await start();
  const attempt = controller.offer(planOf([LOOK]));
  await waitFor("the end", () => attempt.finish !== undefined, 30_000);
  expect(attempt.finish?.outcome).toBe("succeeded");
  expect(controller.log(attempt, "0").toString()).toContain("in-a-sandbox");
});

it.skipIf(!hasSandbox)("what was opened ahead for what the pool said before is never used", async () => {
  await start();
  // changed between the welcome and the start
  controller.policy = SANDBOX;
  const attempt = controller.offer(planOf([LOOK]));
  await waitFor("the end", () => attempt.finish !== undefined, 30_000);
  expect(attempt.finish?.outcome).toBe("succeeded");
  expect(controller.log(attempt, "0").toString()).toContain("in-a-sandbox");
  controller.policy = JOB_POLICY_DEFAULT;
  const next = controller.offer(planOf([LOOK]));
  await waitFor("the end", () => next.finish !== undefined, 30_000);
  expect(controller.log(next, "0").toString()).toContain("on-the-machine");
});

it("an agent that cannot do as its pool asks says why, takes no job, and takes them again when the pool asks less", async () => {
  const bench = new AgentBench();
  const { controller: farm } = bench;
  farm.policy = { ...JOB_POLICY_DEFAULT, confinement: "sandbox" };
  try {
    await bench.start({ sandboxProblem: "bubblewrap is not installed" });
    await waitFor("its word", () => farm.unfitProblems.length > 0);
    expect(farm.unfitProblems).toEqual([
      "the pool default puts jobs into a sandbox, and this agent cannot: bubblewrap is not installed",
    ]);
    const refused = farm.offer(planOf([runStep("echo never")]));
    await waitFor("the answer", () => farm.answers.length > 0);
    expect(farm.answers[0]).toMatchObject({ accepted: false, declineReason: "unfit" });
    expect(refused.startsCount).toBe(0);
    farm.policy = JOB_POLICY_DEFAULT;
    farm.say({ kind: "policy", policy: JOB_POLICY_DEFAULT });
    await waitFor("its word", () => farm.unfitProblems.at(-1) === "");
    const taken = farm.offer(planOf([runStep("echo now")]));
    expect((await bench.finished(taken)).outcome).toBe("succeeded");
  } finally {
    await bench.stop();
  }
});

it("a job whose start asks for what this agent cannot give never runs with less, and the agent takes no other", async () => {
  const bench = new AgentBench();
  const { controller: farm } = bench;
  try {
    await bench.start({ sandboxProblem: "bubblewrap is not installed" });
    farm.policy = { ...JOB_POLICY_DEFAULT, confinement: "sandbox" };
    const attempt = farm.offer(planOf([runStep(`touch ${join(bench.dir, "ran")}`)]));
    // for nothing: what a retry costs is for the farm's faults
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "lost", reason: "agent_stopping" });
    expect(existsSync(join(bench.dir, "ran"))).toBe(false);
    await waitFor("its word", () => farm.unfitProblems.length > 0);
  } finally {
    await bench.stop();
  }
});

it("a job goes on as it began after a restart of the agent, whatever its pool has come to say since", async () => {
  const bench = new AgentBench();
  const { controller: farm } = bench;
  try {
    const agent = await bench.start();
    const go = join(bench.dir, "go");
    const attempt = farm.offer(planOf([runStep(`echo began; while ! [ -e ${go} ]; do sleep 0.05; done`)]));
    await waitFor("the step", () => farm.log(attempt, "0").toString().includes("began"));
    await agent.stop();
    farm.policy = { ...JOB_POLICY_DEFAULT, confinement: "sandbox", egress: { kind: "none" } };
    const second = await bench.start({ sandboxProblem: "bubblewrap is not installed" });
    await second.stop();
    // what was written down first is remembered by the third as well
    await bench.start({ sandboxProblem: "bubblewrap is not installed" });
    writeFileSync(go, "");
    expect((await bench.finished(attempt)).outcome).toBe("succeeded");
  } finally {
    await bench.stop();
  }
});
