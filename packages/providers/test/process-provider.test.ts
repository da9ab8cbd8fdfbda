import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@windrow/service";
import { afterAll, describe, expect, it } from "vitest";
import { createProcessProvider } from "../src/index.ts";
import { describeConformance } from "./conformance.ts";
import { isThere } from "./is-there.ts";
import { waitFor } from "./wait-for.ts";

const dir = mkdtempSync(join(tmpdir(), "windrow-process-provider-"));
const processes = join(dir, "processes");
mkdirSync(processes);
afterAll(() => rmSync(dir, { recursive: true }));

/** Behaves as an agent does towards who starts it. */
const AGENT = `
[ -n "\${WINDROW_AGENT_CLEAR:-}" ] && { echo cleared >> "$WINDROW_AGENT_DIR/../../../cleared"; exit 0; }
mkdir -p "$WINDROW_AGENT_DIR"
cat "$WINDROW_JOIN_TOKEN_FILE" > "$WINDROW_AGENT_DIR/token"
env > "$WINDROW_AGENT_DIR/environment"
trap 'exit 0' TERM
echo working
while :; do sleep 0.05; done`;
const environment = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
const command = ["sh", "-c", AGENT, "test-agent"];
const pidOf = (name: string) => Number(readFileSync(join(processes, name, "process"), "utf8").split(" ")[0]);
const request = {
  name: "python-1",
  pool: "python",
  url: "http://127.0.0.1:1",
  joinToken: "wrj_secret-of-the-machine",
  slots: 2,
  isEphemeral: true,
};
const never = new AbortController().signal;

describeConformance({
  name: "process",
  settings: () => ({ kind: "process", host: "here" }),
  host: () => ({ farmId: "farm", dir, environment, agentCommand: command }),
  async endByItself(name) {
    const pid = pidOf(name);
    process.kill(pid, "SIGKILL");
    await waitFor("the process is gone", () => !isThere(pid));
  },
  findLeftovers: async () => [...readdirSync(processes, { recursive: true }).map(String), ...findAgents()],
  wrong() {
    const file = join(dir, "a-file");
    writeFileSync(file, "");
    return {
      settings: { kind: "process", host: "here" },
      host: { farmId: "farm", dir: file, environment, agentCommand: command },
    };
  },
});

describe("provider process", () => {
  const open = (over: { endGraceMs?: number; script?: string } = {}) =>
    createProcessProvider({
      dir: processes,
      command: over.script === undefined ? command : ["sh", "-c", over.script, "test-agent"],
      environment,
      clock: systemClock,
      ...(over.endGraceMs !== undefined && { endGraceMs: over.endGraceMs }),
    });

  it("tells the agent where to join, with the token in a file that nobody else reads", async () => {
    const provider = open();
    await provider.create(request, never);
    const agentDir = join(processes, "python-1", "agent");
    const variables = await waitFor("the agent is there", () => {
      const text = readFileSync(join(agentDir, "environment"), "utf8");
      return text.includes("WINDROW_AGENT_STOP") ? text : undefined;
    });
    expect(variables).toContain("WINDROW_URL=http://127.0.0.1:1\n");
    expect(variables).toContain("WINDROW_AGENT_NAME=python-1\n");
    expect(variables).toContain("WINDROW_AGENT_SLOTS=2\n");
    expect(variables).toContain("WINDROW_AGENT_ONCE=1\n");
    expect(readFileSync(join(agentDir, "token"), "utf8")).toBe("wrj_secret-of-the-machine\n");
    expect(statSync(join(processes, "python-1", "join-token")).mode & 0o777).toBe(0o600);
    const cmdline = readFileSync(`/proc/${pidOf("python-1")}/cmdline`, "utf8");
    expect(variables + cmdline).not.toContain("wrj_secret");
    await waitFor("the agent has spoken", () => readFileSync(join(processes, "python-1", "agent.log"), "utf8") !== "");
    expect(await provider.readLastWords("python-1", never)).toBe("working");
    await provider.destroy("python-1", never);
  });

  it("does not end another process that has the agent's number by now", async () => {
    const provider = open();
    await provider.create(request, never);
    const agent = pidOf("python-1");
    process.kill(agent, "SIGKILL");
    await waitFor("the process is gone", () => !isThere(agent));
    // as if this very process had been given the number since
    const file = join(processes, "python-1", "process");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^\d+/, String(process.pid)));
    expect(await provider.list(never)).toMatchObject([{ isAlive: false }]);
    await provider.destroy("python-1", never);
    expect(await provider.list(never)).toEqual([]);
  });

  it("ends an agent by force that does not go, and then what it left", async () => {
    const stubborn = AGENT.replace("trap 'exit 0' TERM", "trap : TERM");
    const provider = open({ script: stubborn, endGraceMs: 200 });
    rmSync(join(dir, "cleared"), { force: true });
    await provider.create(request, never);
    await waitFor("the agent is there", () => readFileSync(join(processes, "python-1", "agent.log"), "utf8") !== "");
    await provider.destroy("python-1", never);
    expect(findAgents()).toEqual([]);
    expect(readFileSync(join(dir, "cleared"), "utf8")).toBe("cleared\n");
  });

  it("runs one process, though a killed caller's is still about to start", async () => {
    const provider = open();
    mkdirSync(join(processes, "python-1"), { recursive: true });
    await Promise.all([provider.create(request, never), open().create(request, never), open().create(request, never)]);
    await waitFor("the others have left", () => findAgents().length === 1);
    await provider.destroy("python-1", never);
    expect(findAgents()).toEqual([]);
  });

  it("gives up ending an agent when it is told to, and ends it the next time", async () => {
    const stubborn = AGENT.replace("trap 'exit 0' TERM", "trap : TERM");
    const provider = open({ script: stubborn, endGraceMs: 60_000 });
    await provider.create(request, never);
    await waitFor("the agent is there", () => readFileSync(join(processes, "python-1", "agent.log"), "utf8") !== "");
    await expect(provider.destroy("python-1", AbortSignal.timeout(100))).rejects.toMatchObject({ retryable: true });
    expect(await provider.list(never)).toMatchObject([{ isAlive: true }]);
    await open({ endGraceMs: 0 }).destroy("python-1", never);
  });
});

/** The processes of all test agents of this folder. */
function findAgents(): string[] {
  const lines = execFileSync("ps", ["-eo", "pid=,stat=,args="], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes("test-agent") && !/^\s*\d+\s+Z/.test(line));
}
