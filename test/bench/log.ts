import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";
import { buildBundle, installAgent } from "../kit/installed-agent.ts";
import { logLines } from "../kit/log-lines.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { startSlowReader } from "../kit/slow-reader.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { withBenchFarm } from "./bench-farm.ts";
import type { CpuMeter } from "./cpu-meter.ts";
import { forgetPeak, readPeakMib, readResidentMib } from "./resident.ts";

const LINES = 1_000_000;
const LINE_BYTES = 100;
const ROUNDS = 5;
const READER_BYTES_PER_SECOND = 1_024;

/**
 * One step prints a million lines at full speed while somebody follows at 1 KB/s: MB/s from its first byte to the sealed
 * log, and what agent and controller hold of memory meanwhile. Arguments: `bundled` for an agent as it is installed on
 * machines, else it runs from its sources; then Node's own.
 */
export async function runLogBench(args: readonly string[]): Promise<void> {
  const isBundled = args.includes("bundled");
  const nodeArgs = args.filter((arg) => arg !== "bundled");
  const bytes = logLines(LINES, LINE_BYTES);
  const file = `${createTemporaryFolder("windrow-log-")}/lines`;
  writeFileSync(file, bytes);
  // for the users of slots
  chmodSync(dirname(file), 0o755);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await withBenchFarm({ agents: isBundled ? 0 : 1, nodeArgs }, async (farm, meter) => {
    const installed = isBundled
      ? await installAgent(farm, { name: "bundled", bundle: await buildBundle(farm, "0.1.0") })
      : undefined;
    try {
      const agentPid = () => installed?.pid() ?? farm.agents[0]?.child.pid ?? 0;
      for (let round = 0; round <= ROUNDS; round++) {
        await meter.reset();
        const line = await measureRound(farm, { file, sha256, bytes, agentPid, meter });
        process.stdout.write(`${round === 0 ? "warm-up" : `round ${round}`}: ${line}\n`);
      }
    } finally {
      await installed?.stop();
    }
  });
}

async function measureRound(
  farm: Farm,
  log: {
    readonly file: string;
    readonly sha256: string;
    readonly bytes: Buffer;
    readonly agentPid: () => number;
    readonly meter: CpuMeter;
  },
): Promise<string> {
  const controllerPid = farm.controllers[0]?.child.pid ?? 0;
  const { runId } = await pushWorkflow(farm, workflowOf(log.file));
  const [job] = await farm.jobs(runId);
  const reader = startSlowReader(farm, { jobId: job?.id ?? 0, bytesPerSecond: READER_BYTES_PER_SECOND });
  for (const pid of [controllerPid, log.agentPid()]) forgetPeak(pid);
  const run = await farm.waitRunFinished(runId, 120_000);
  const peaks = `agent ${readPeakMib(log.agentPid())} MiB at most (${readResidentMib(log.agentPid())} after), controller ${readPeakMib(controllerPid)} (${readResidentMib(controllerPid)})`;
  const used = await log.meter.describe(log.bytes.length / 1e6);
  const readBytes = await reader.stop();
  if (run.conclusion !== "success") throw new Error(`the run ended ${run.conclusion}`);
  const stored = await readLog(farm, { jobId: job?.id ?? 0, stream: "0" });
  const storedSha = createHash("sha256").update(stored).digest("hex");
  if (storedSha !== log.sha256) throw new Error("the log is not what the step printed");
  const { rows } = await sql<{ ms: number; stepMs: number }>`
    select extract(epoch from (a.finished_at - s.started_at)) * 1000 as ms,
      extract(epoch from (s.finished_at - s.started_at)) * 1000 as "stepMs"
    from attempts a join steps s on s.attempt_id = a.id and s.step_no = 0 where a.job_id = ${job?.id ?? 0}`.execute(
    farm.db,
  );
  const ms = Number(rows[0]?.ms);
  const rate = log.bytes.length / 1e6 / (ms / 1e3);
  return (
    `${rate.toFixed(0)} MB/s, ${(log.bytes.length / 1e6).toFixed(0)} MB in ${ms.toFixed(0)} ms from the step's start to the sealed log ` +
    `(the step itself ${Number(rows[0]?.stepMs).toFixed(0)} ms); the follower has read ${readBytes} bytes; ${peaks}\n  of a MB, ${used}`
  );
}

const workflowOf = (file: string): string => `on: push
jobs:
  log:
    runs-on: linux
    steps:
      - run: cat ${file}
`;
