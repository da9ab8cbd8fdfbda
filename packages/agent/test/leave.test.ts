import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "./agent-bench.ts";
import { type AgentProcess, type FakeJoin, GOOD_TOKEN, startAgentProcess, startFakeJoin } from "./agent-process.ts";
import { FakeController, planOf, runStep } from "./fake-controller.ts";

let folder: string;
let controller: FakeController;
let joins: FakeJoin;
let agents: AgentProcess[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "windrow-leave-"));
  chmodSync(folder, 0o777);
  controller = new FakeController();
  await controller.start();
  joins = await startFakeJoin(controller.address);
  agents = [];
});
afterEach(async () => {
  for (const agent of agents) {
    agent.signal("SIGKILL");
    await agent.exited;
  }
  joins.stop();
  await controller.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(env: { [name: string]: string }): AgentProcess {
  const agent = startAgentProcess({ WINDROW_AGENT_DIR: join(folder, "agent"), WINDROW_URL: joins.url, ...env });
  agents.push(agent);
  return agent;
}
const isReady = (agent: AgentProcess) => agent.stdout().includes('"msg":"ready"');

it("joins with the token of a file, takes one job and is gone", async () => {
  const tokenFile = join(folder, "join-token");
  writeFileSync(tokenFile, `${GOOD_TOKEN}\n`, { mode: 0o600 });
  const agent = start({ WINDROW_JOIN_TOKEN_FILE: tokenFile, WINDROW_AGENT_ONCE: "1" });
  await waitFor("ready", () => isReady(agent), 30_000);
  const attempt = controller.offer(planOf([runStep("echo once")]));
  expect(await agent.exited).toBe(0);
  expect(attempt.finish?.outcome).toBe("succeeded");
});

it("leaves when it had no job for as long as it may", async () => {
  const agent = start({ WINDROW_JOIN_TOKEN: GOOD_TOKEN, WINDROW_AGENT_IDLE_TIMEOUT: "1s" });
  expect(await agent.exited).toBe(0);
  expect(isReady(agent)).toBe(true);
});

it("ends the jobs that an agent left which was killed, when it is told to do that alone", async () => {
  const agent = start({ WINDROW_JOIN_TOKEN: GOOD_TOKEN });
  await waitFor("ready", () => isReady(agent), 30_000);
  const beat = join(folder, "beat");
  controller.offer(planOf([runStep(`while :; do touch ${beat}; sleep 0.05; done`)]));
  await waitFor("the job", () => existsSync(beat));
  agent.signal("SIGKILL");
  await agent.exited;
  rmSync(beat);
  await waitFor("the job goes on without its agent", () => existsSync(beat));
  expect(await start({ WINDROW_AGENT_CLEAR: "1" }).exited).toBe(0);
  rmSync(beat);
  expect(readdirSync(join(folder, "agent")).filter((name) => ["work", "tools", "actions"].includes(name))).toEqual([]);
  expect(existsSync(beat)).toBe(false);
});
