import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@windrow/embedded";
import { createLogger } from "@windrow/service";
import { Farm, type FarmOptions } from "../kit/farm.ts";
import { type CpuMeter, createCpuMeter } from "./cpu-meter.ts";

/** A farm whose Postgres keeps its promises (fsync on), since figures without them would flatter. */
export async function withBenchFarm(
  options: FarmOptions,
  work: (farm: Farm, meter: CpuMeter) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "windrow-bench-"));
  const postgres = await startPostgres({
    dataDir: join(dir, "postgres"),
    logger: createLogger({ component: "bench-postgres", level: "warn" }),
  });
  let meter: CpuMeter | undefined;
  try {
    const farm = await Farm.start({ logLevel: "warn", ...options, connectionString: postgres.connectionString });
    meter = createCpuMeter(farm, { postgres: postgres.pid });
    try {
      await work(farm, meter);
    } finally {
      await farm.stop();
    }
  } finally {
    await postgres.stop();
    meter?.remove();
    rmSync(dir, { recursive: true, force: true });
  }
}
