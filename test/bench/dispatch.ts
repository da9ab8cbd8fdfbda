import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { waitFor } from "../kit/wait-for.ts";
import { withBenchFarm } from "./bench-farm.ts";
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
  await withBenchFarm({ agents: 1, slots: 1, nodeArgs }, async (farm) => {
    print("idle farm", await measure(farm, "me/idle"), spawnRate);
    await fillQueue(farm, DEEP_QUEUE);
    print(`${DEEP_QUEUE} queued that this agent cannot run`, await measure(farm, "me/deep"), spawnRate);
  });
}

async function measure(farm: Farm, name: string): Promise<number[]> {
  const dir = mkdtempSync(join(tmpdir(), "windrow-dispatch-"));
  chmodSync(dir, 0o777);
  const file = join(dir, "started");
  const repository = await GitRepository.create({
    ".windrow/workflows/ci.yml": `on: push\njobs:\n  only:\n    runs-on: linux\n    steps:\n      - run: date +%s%N > ${file}\n`,
  });
  const latencies: number[] = [];
  for (let no = 0; no < PUSHES + WARM_UP; no++) {
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
  }
  return latencies;
}

async function fillQueue(farm: Farm, count: number): Promise<void> {
  const repository = await farm.db.selectFrom("repositories").selectAll().limit(1).executeTakeFirstOrThrow();
  await sql`with set as (insert into label_sets (labels) values (array['no-agent-has-this']) returning id),
    run as (
      insert into runs (repository_id, number, event_name, event_json, ref, sha, actor, workflow_path, workflow_name, state)
      values (${repository.id}, 1000000, 'push', '{}', 'refs/heads/x', repeat('0', 40), 'bench', 'x.yml', 'x', 'running')
      returning id
    )
    insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix_index, label_set_id, trust, state, queued_at)
    select run.id, 1, ${repository.id}, ${repository.owner}, 'deep', 'deep', n, set.id, 'trusted', 'queued', now()
    from run, set, generate_series(1, ${count}) as n`.execute(farm.db);
  await sql`analyze jobs`.execute(farm.db);
}

function print(title: string, latencies: readonly number[], spawnRate: number): void {
  const p50 = percentile(latencies, 0.5);
  const p99 = percentile(latencies, 0.99);
  process.stdout.write(
    `${title}: ref updated → step's process: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${latencies.length} pushes); ` +
      `bash starts here at ${spawnRate.toFixed(0)}/s, so p50 is ${((p50 * spawnRate) / 1000).toFixed(1)} bash starts\n`,
  );
}
