import { GitRepository } from "../kit/git-repository.ts";
import { waitFor } from "../kit/wait-for.ts";
import { withBenchFarm } from "./bench-farm.ts";
import { measureSpawnRate } from "./spawn-rate.ts";

const JOBS = 250;
const ROUNDS = 6;

/** A matrix of no-op jobs on two agents: from the first grant to the last result, sealed logs included. Arguments are Node's. */
export async function runThroughputBench(nodeArgs: readonly string[]): Promise<void> {
  const spawnRate = await measureSpawnRate();
  await withBenchFarm({ agents: 2, slots: 4, nodeArgs }, async (farm, meter) => {
    const numbers = Array.from({ length: JOBS }, (_, n) => n).join(", ");
    const repository = await GitRepository.create({
      ".windrow/workflows/ci.yml": `on: push
jobs:
  noop:
    runs-on: linux
    strategy:
      matrix:
        n: [${numbers}]
    steps:
      - run: "true"
`,
    });
    for (let round = 0; round <= ROUNDS; round++) {
      await meter.reset();
      const sha = await repository.commit({ "round.txt": String(round) });
      const pushed = await repository.push({ url: `${farm.url}/git/me/noop.git`, token: farm.adminToken });
      if (pushed.code !== 0) throw new Error(pushed.stderr);
      const run = await waitFor(
        "the run to be over",
        async () => {
          const row = await farm.db.selectFrom("runs").selectAll().where("sha", "=", sha).executeTakeFirst();
          return row?.state === "finished" ? row : undefined;
        },
        // The span comes from the rows: how often is looked here only costs.
        { withinMs: 300_000, everyMs: 250 },
      );
      const used = await meter.describe(JOBS);
      const span = await farm.db
        .selectFrom("attempts")
        .innerJoin("jobs", "jobs.id", "attempts.job_id")
        .select((eb) => [
          eb.fn.min("attempts.offered_at").as("from"),
          eb.fn.max("attempts.finished_at").as("to"),
          eb.fn.countAll<number>().as("count"),
        ])
        .where("jobs.run_id", "=", run.id)
        .executeTakeFirstOrThrow();
      if (run.conclusion !== "success" || span.to === null) throw new Error(`the run ended ${run.conclusion}`);
      const rate = (JOBS / (span.to.getTime() - span.from.getTime())) * 1000;
      const title = round === 0 ? "warm-up" : `round ${round}`;
      process.stdout.write(
        `${title}: ${rate.toFixed(1)} no-op jobs/s (${JOBS} jobs, ${span.count} attempts); ` +
          `bash starts here at ${spawnRate.toFixed(0)}/s: one job per ${(spawnRate / rate).toFixed(1)} bash starts\n  ${used}\n`,
      );
    }
  });
}
