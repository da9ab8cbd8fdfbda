// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "./agent-bench.ts";
import {
  type AgentProcess,
  BAD_TOKEN,
  type FakeJoin,
  GOOD_TOKEN,
  startAgentProcess,
  startFakeJoin,
} from "./agent-process.ts";
import { AGENT_ID, FakeController, planOf, runStep } from "./fake-controller.ts";

let folder: string;
let controller: FakeController;
let joins: FakeJoin;
let agents: AgentProcess[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "windrow-process-"));
  chmodSync(folder, 0o711);
  controller = new FakeController();
  await controller.start();
  joins = await startFakeJoin(controller.address);
  agents = [];
});
afterEach(async () => {
  for (const agent of agents) {
    agent.signal("SIGTERM");
    agent.signal("SIGTERM");
    await agent.exited;
  }
  joins.stop();
  await controller.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What 100 MB of log may add to the agent's memory: the window, and what its garbage collector has not found yet. */
const GROWTH_BYTES_MAX = 180e6;
const residentPeakBytes = (pid: number) =>
  1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

const agentDir = () => join(folder, "agent");
const gate = (name: string) => join(folder, name);
const waitAtGate = (name: string) => `while ! [ -e ${gate(name)} ]; do sleep 0.02; done`;

function start(env: { [name: string]: string } = {}): AgentProcess {
  const agent = startAgentProcess({
    WINDROW_AGENT_DIR: agentDir(),
    WINDROW_URL: joins.url,
    WINDROW_AGENT_NAME: "agent-1",
    ...env,
  });
  agents.push(agent);
  return agent;
}
const startAndJoin = async (env: { [name: string]: string } = {}) => {
  const agent = start({ WINDROW_JOIN_TOKEN: GOOD_TOKEN, WINDROW_AGENT_LABELS: "gpu, big", ...env });
  await waitFor("ready", () => agent.stdout().includes('"msg":"ready"'), 20_000);
  return agent;
};

describe("the agent's process", () => {
  it("joins once, keeps its credential to itself, and starts again without a token", async () => {
    const agent = await startAndJoin();
    expect(joins.requests).toHaveLength(1);
    expect(joins.requests[0]?.labels).toEqual(expect.arrayContaining(["linux", "self-hosted", "node", "gpu", "big"]));
    for (const name of ["credential.json", "agent-key.pem", "nats-key.json", "journal.jsonl"]) {
      expect(statSync(join(agentDir(), name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(join(agentDir(), "sites")).mode & 0o777).toBe(0o700);
    const second = start();
    expect(await second.exited).toBe(78);
    expect(second.stderr()).toContain(`another agent (process ${agent.pid}) runs in`);
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    const again = start();
    await waitFor("ready", () => again.stdout().includes('"msg":"ready"'), 20_000);
    expect(joins.requests).toHaveLength(1);
  });

  it("ends with 78 and one sentence when it cannot run as it was told", async () => {
    const refused = start({ WINDROW_JOIN_TOKEN: BAD_TOKEN });
    expect(await refused.exited).toBe(78);
    expect(refused.stderr()).toContain("the join token is not known");
    const lost = start();
    expect(await lost.exited).toBe(78);
    expect(lost.stderr()).toContain("has not joined a farm");
    const odd = start({ WINDROW_AGENT_SLOTS: "many" });
    expect(await odd.exited).toBe(78);
    expect(odd.stderr()).toContain("WINDROW_AGENT_SLOTS is 'many'");
  });

  it("begins with new keys when a join was refused, and in a folder of an earlier version", async () => {
    for (let time = 1; time <= 2; time++) await start({ WINDROW_JOIN_TOKEN: BAD_TOKEN }).exited;
    expect(joins.requests[0]?.natsPublicKey).not.toBe(joins.requests[1]?.natsPublicKey);
    joins.requests.length = 0;
    const old = { agentId: AGENT_ID, name: "agent-1", credential: "old", grpcAddress: "x", controllerUrl: "y" };
    writeFileSync(join(agentDir(), "credential.json"), JSON.stringify(old));
    const outdated = start();
    expect(await outdated.exited).toBe(78);
    expect(outdated.stderr()).toContain("of an earlier version of Windrow, which knew no certificates: join again");
    await startAndJoin();
  });

  it("goes on with the same attempt after a kill -9, without losing a byte", async () => {
    const agent = await startAndJoin();
    const attempt = controller.offer(
      planOf([runStep(`echo before; ${waitAtGate("go")}; echo after; touch ${gate("done")}`), runStep("echo next")]),
    );
    chmodSync(folder, 0o777);
    await waitFor("the first line", () => controller.log(attempt, "0").length > 0);
    agent.signal("SIGKILL");
    await agent.exited;
    writeFileSync(gate("go"), "");
    await waitFor("the step to end", () => existsSync(gate("done")));
    start();
    const finish = await waitFor("the finish", () => attempt.finish, 20_000);
    expect(finish.outcome).toBe("succeeded");
    expect(controller.log(attempt, "0").toString()).toBe("before\nafter\n");
    expect(controller.log(attempt, "1").toString()).toBe("next\n");
  });

  it("drains at the first signal and gives the job back at the second", async () => {
    const agent = await startAndJoin({ WINDROW_AGENT_SLOTS: "2" });
    const attempt = controller.offer(planOf([runStep("echo up; sleep 300")]));
    await waitFor("the first line", () => controller.log(attempt, "0").length > 0);
    agent.signal("SIGTERM");
    await waitFor("no free slots", () => controller.heartbeats.at(-1)?.freeSlots === 0);
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(attempt.finish).toMatchObject({ outcome: "lost", reason: "agent_stopping" });
  });

  it.runIf(process.getuid?.() === 0)("keeps its secrets from jobs when it is root", async () => {
    const agent = await startAndJoin();
    const tries = [
      `cat ${agentDir()}/credential.json`,
      `cat ${agentDir()}/nats-key.json`,
      `cat ${agentDir()}/agent-key.pem`,
      `cat ${agentDir()}/journal.jsonl`,
      `ls ${agentDir()}/sites`,
      `ls ${agentDir()}`,
      `ls ${agentDir()}/work`,
      `cat /proc/${agent.pid}/environ`,
      "cat /proc/1/environ",
      'rm -f "$GITHUB_ENV"',
      'ln -s /etc/shadow "$(dirname "$GITHUB_ENV")/x"',
    ];
    const script = tries.map((line) => `if ${line} >/dev/null 2>&1; then echo 'could: ${line}'; fi`).join("\n");
    const attempt = controller.offer(planOf([runStep(`id -u\n${script}\necho end`)]));
    await waitFor("the finish", () => attempt.finish, 20_000);
    const lines = controller.log(attempt, "0").toString().trim().split("\n");
    expect(Number(lines[0])).toBeGreaterThan(0);
    expect(lines.slice(1)).toEqual(["end"]);
  });

  it("ends with 78 when the farm removed it, and with 1 when a newer process took over", async () => {
    const agent = await startAndJoin();
    const { Refusal } = await import("@windrow/model");
    controller.refuseHello = new Refusal("not_allowed", "this agent was removed");
    await controller.stop();
    await controller.start();
    expect(await agent.exited).toBe(78);
    expect(agent.stderr()).toContain("this agent was removed");
    controller.refuseHello = new Refusal("conflict", "superseded");
    expect(await start().exited).toBe(1);
  });

  it("ships any bytes, also 100 MB without a newline, in little memory", async () => {
    const agent = await startAndJoin();
    const idleBytes = residentPeakBytes(agent.pid);
    controller.keepsBytes = false;
    // Every byte value, in an order that is different at every offset of a chunk.
    const script = [
      "const { createHash } = require('node:crypto');",
      "const hash = createHash('sha256');",
      "const fs = require('node:fs');",
      "const piece = Buffer.alloc(99991);",
      "for (let at = 0; at < piece.length; at++) piece[at] = at % 257 === 256 ? 0 : (at * 7 + (at >> 8)) & 255;",
      "for (let at = 0; at < piece.length; at++) if (piece[at] === 10 && at % 3 === 0) piece[at] = 13;",
      "const line = Buffer.alloc(104857600, 'x');",
      "for (const bytes of [piece, line, Buffer.from('\\n'), piece]) { hash.update(bytes); let at = 0; while (at < bytes.length) at += fs.writeSync(1, bytes, at); }",
      `fs.writeFileSync(process.env.GITHUB_OUTPUT, 'sha256=' + hash.digest('hex') + '\\n');`,
    ].join("\n");
    const outputs: [string, string][] = [["sha256", "${{ steps.write.outputs.sha256 }}"]];
    const attempt = controller.offer(
      planOf([runStep(`cat > w.cjs <<'EOF'\n${script}\nEOF\n${process.execPath} w.cjs`, { id: "write" })], { outputs }),
    );
    const finish = await waitFor("the finish", () => attempt.finish, 25_000);
    expect(finish.outcome).toBe("succeeded");
    const seal = finish.seals.find(({ stream }) => stream === "0");
    expect(seal?.lengthBytes).toBe(104857600 + 2 * 99991 + 1);
    expect(seal?.sha256).toBe(finish.outputs.sha256);
    expect(controller.hashes.get("0")?.copy().digest("hex")).toBe(finish.outputs.sha256);
    expect(residentPeakBytes(agent.pid) - idleBytes).toBeLessThan(GROWTH_BYTES_MAX);
  });
});
