import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { waitFor } from "../kit/wait-for.ts";
import { withBenchFarm } from "./bench-farm.ts";
import type { CpuMeter } from "./cpu-meter.ts";
import { fillQueue } from "./fill-queue.ts";
import { percentile } from "./percentile.ts";
import { measureSpawnRate } from "./spawn-rate.ts";

const PUSHES = 60;
const WARM_UP = 5;
const DEEP_QUEUE = 100_000;

/**
 * From the moment git moved the ref (the ref file's modification time) to the moment the first step's process wrote
 * the time (so the shell's own start is included): first with an empty queue, then over 100,000 queued jobs that the
 * agent cannot run.
 */
export async function runDispatchBench(nodeArgs: readonly string[]): Promise<void> {
  const spawnRate = await measureSpawnRate();
  await withBenchFarm({ agents: 1, slots: 1, nodeArgs }, async (farm, meter) => {
    print("idle farm", await measure(farm, "me/idle", meter), spawnRate);
    await fillQueue(farm, DEEP_QUEUE, "no-agent-has-this");
    print(`${DEEP_QUEUE} queued that this agent cannot run`, await measure(farm, "me/deep", meter), spawnRate);
  });
}

/** What happened on the way, in order: the events of the run by kind, each with its time after the ref moved. */
const STAGES = ["job_queued", "attempt_offered", "attempt_started"] as const;

interface Measured {
  readonly latencies: readonly number[];
  /** By stage, ms after the ref moved. */
  readonly stages: ReadonlyMap<string, readonly number[]>;
  readonly used: string;
}

async function measure(farm: Farm, name: string, meter: CpuMeter): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), "windrow-dispatch-"));
  chmodSync(dir, 0o777);
  const file = join(dir, "started");
  const repository = await GitRepository.create({
    ".windrow/workflows/ci.yml": `on: push\njobs:\n  only:\n    runs-on: linux\n    steps:\n      - run: date +%s%N > ${file}\n`,
  });
  const latencies: number[] = [];
  const stages = new Map<string, number[]>(STAGES.map((stage) => [stage, []]));
  for (let no = 0; no < PUSHES + WARM_UP; no++) {
    if (no === WARM_UP) await meter.reset();
    writeFileSync(file, "");
    chmodSync(file, 0o666);
    const sha = await repository.commit({ "no.txt": String(no) });
    const pushed = await repository.push({ url: `${farm.url}/git/${name}.git`, token: farm.adminToken });
    if (pushed.code !== 0) throw new Error(pushed.stderr);
    const [owner = "", repo = ""] = name.split("/");
    const ref = join(farm.dir, "data", "git", owner, `${repo}.git`, "refs", "heads", "main");
    const movedNs = statSync(ref, { bigint: true }).mtimeNs;
    const startedNs = await waitFor("the step to have started", () => {
      const text = readFileSync(file, "utf8").trim();
      return text === "" ? undefined : BigInt(text);
    });
    if (no >= WARM_UP) latencies.push(Number(startedNs - movedNs) / 1e6);
    await waitFor("the run to be over", async () => {
      const run = await farm.db.selectFrom("runs").select("state").where("sha", "=", sha).executeTakeFirst();
      return run?.state === "finished";
    });
    if (no < WARM_UP) continue;
    const atMs = await readStages(farm, sha);
    for (const [stage, list] of stages) {
      const at = atMs.get(stage);
      if (at !== undefined) list.push(at - Number(movedNs) / 1e6);
    }
  }
  return { latencies, stages, used: await meter.describe(PUSHES) };
}

/** By kind: the first event of the run, in milliseconds of the machine's clock. */
async function readStages(farm: Farm, sha: string): Promise<ReadonlyMap<string, number>> {
  const rows = await farm.db
    .selectFrom("events")
    .innerJoin("runs", "runs.id", "events.run_id")
    .select((eb) => [
      "events.kind",
      sql<number>`extract(epoch from ${eb.fn.min("events.at")})::float8 * 1000`.as("atMs"),
    ])
    .where("runs.sha", "=", sha)
    .groupBy("events.kind")
    .execute();
  return new Map(rows.map((row) => [row.kind, row.atMs]));
}

function print(title: string, { latencies, stages, used }: Measured, spawnRate: number): void {
  const p50 = percentile(latencies, 0.5);
  const p99 = percentile(latencies, 0.99);
  const way = [...stages].map(([stage, list]) => `${stage} ${percentile(list, 0.5).toFixed(1)}`);
  process.stdout.write(
    `${title}: ref updated → step's process: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${latencies.length} pushes); ` +
      `bash starts here at ${spawnRate.toFixed(0)}/s, so p50 is ${((p50 * spawnRate) / 1000).toFixed(1)} bash starts\n` +
      `  p50 on the way, ms: ${way.join(", ")}\n  ${used}\n`,
  );
}
