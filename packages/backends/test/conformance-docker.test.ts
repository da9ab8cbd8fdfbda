import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { startTestEngine, whyNoTestEngine } from "../src/testing.ts";
import { describeAgentRestart } from "./agent-restart.ts";
import { describeConformance } from "./conformance.ts";
import { createTestDockerBackend } from "./docker-backend-of-test.ts";
import { describeProcessConformance } from "./process-conformance.ts";

const missing = await whyNoTestEngine();
const suffix = missing === undefined ? "" : ` (skipped: ${missing})`;
const engine = missing === undefined ? await startTestEngine({ networks: true, images: ["shell"] }) : undefined;
const agentDir = mkdtempSync(join(tmpdir(), "windrow-docker-agent-"));
const settings = { socket: engine?.socket ?? "", agentDir };

afterAll(async () => {
  await engine?.stop();
  rmSync(agentDir, { recursive: true });
});

/** An engine without a limit of memory says so, and then there is none to reach. */
function canLimitMemory(): boolean {
  const socket = settings.socket.replace("unix://", "");
  if (socket === "") return false;
  const info = execFileSync("curl", ["-sS", "--unix-socket", socket, "http://engine/info"], { encoding: "utf8" });
  return /"MemoryLimit":true/.test(info);
}

describe.skipIf(missing !== undefined)(`jobs in containers${suffix}`, () => {
  describeConformance({
    name: "docker",
    backend: createTestDockerBackend(settings),
    argvFor: ({ output = "", exitCode = 0, isEndless = false }) => [
      "sh",
      "-c",
      `printf %s "$1"; ${isEndless ? "exec sleep 600" : `exit ${exitCode}`}`,
      "sh",
      output,
    ],
    killSupervisor: (job) => process.kill(job.supervisorPid, "SIGKILL"),
  });
  describeProcessConformance({
    name: "docker",
    create: () => createTestDockerBackend(settings),
    canLimitMemory: canLimitMemory(),
  });
  describeAgentRestart({ name: "docker", create: () => createTestDockerBackend(settings), docker: settings });
});
