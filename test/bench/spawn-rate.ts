import { spawn } from "node:child_process";

const SPAWNS = 400;
const AT_ONCE = 4;

/** How many `bash -e script` processes this machine starts and ends per second: what every figure is compared with. */
export async function measureSpawnRate(): Promise<number> {
  const startedAt = performance.now();
  let left = SPAWNS;
  const lane = async () => {
    while (left-- > 0)
      await new Promise((resolve) => spawn("bash", ["-ec", "true"], { stdio: "ignore" }).once("exit", resolve));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return (SPAWNS / (performance.now() - startedAt)) * 1000;
}
