import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@windrow/service";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decideWalk, type JobUsage } from "./decide-walk.ts";
import { measureFolders } from "./measure-folders.ts";
import { type DiskWatch, startDiskWatch } from "./watch-disk.ts";

let dir: string;
let watch: DiskWatch | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-disk-"));
});
afterEach(async () => {
  await watch?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const MIB = 2 ** 20;
const usage: JobUsage = { bytesMax: 100 * MIB, bytes: 20 * MIB, walkedAtMs: 10_000, tookMs: 10, freeBytes: 500 * MIB };

it.each([
  ["at once when it never was", { walkedAtMs: undefined }, 10_000, 500, true],
  ["every few seconds when it is small", {}, 12_000, 500, true],
  ["not sooner than that", {}, 11_000, 500, false],
  ["seldom when it is large", { tookMs: 1_000 }, 20_000, 500, false],
  ["then after twenty times what it took", { tookMs: 1_000 }, 30_000, 500, true],
  ["sooner when the disk lost what may be half its room", {}, 10_500, 460, true],
  ["but never more than half of the time", { tookMs: 1_000 }, 11_000, 400, false],
  ["never without a limit", { bytesMax: undefined, walkedAtMs: undefined }, 50_000, 0, false],
])("walks a job's folders %s", (_what, change, nowMs, freeMib, isDue) => {
  expect(decideWalk({ ...usage, ...change }, nowMs, freeMib * MIB)).toBe(isDue);
});

it("counts what stands on the disk, a file of several names once, and leaves out what is not there", async () => {
  const job = join(dir, "job");
  mkdirSync(join(job, "deep/er"), { recursive: true });
  writeFileSync(join(job, "deep/er/file"), Buffer.alloc(3 * MIB, 1));
  const sizes = await measureFolders([job, join(dir, "missing")]);
  expect([...sizes.keys()]).toEqual([job]);
  expect((sizes.get(job) ?? 0) / MIB).toBeCloseTo(3, 1);
});

it("ends the job that holds more than it may, with figures, and no other", async () => {
  const ended: string[] = [];
  watch = startDiskWatch({
    folders: { workRootDir: dir, agentDir: dir },
    settings: { cache: { percent: 20 }, reserve: { bytes: 0 } },
    clock: systemClock,
    logger: createLogger({ component: "test", level: "silent" }),
    onLow: () => undefined,
  });
  const limits = { small: 2 * MIB, large: 50 * MIB, none: undefined };
  for (const [name, bytesMax] of Object.entries(limits)) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "file"), Buffer.alloc(5 * MIB, 1));
    const end = (message: string) => void ended.push(`${name}: ${message}`);
    watch.watch({ attemptId: name, folder: join(dir, name), bytesMax, end });
  }
  await expect.poll(() => ended, { timeout: 10_000 }).toHaveLength(1);
  expect(ended[0]).toMatch(
    /^small: The job's folders hold 5(\.\d)? MiB, more than the 2 MiB that a job may have here$/,
  );
  expect(watch.isFull).toBe(false);
});
