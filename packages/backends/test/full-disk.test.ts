import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { bootClockMs, type JobHandle, type StepBackend } from "../src/index.ts";
import { createJobKit, startShell } from "./job-kit.ts";
import { heldBackends } from "./process-backends.ts";

const mounts: string[] = [];
afterEach(() => {
  for (const dir of mounts.splice(0)) execFileSync("umount", ["--lazy", dir]);
});

const DISK_BYTES = 4 * 1024 * 1024;

/** A job whose output is stored on a small disk of its own. */
async function openOnSmallDisk(backend: StepBackend, kit: ReturnType<typeof createJobKit>) {
  const site = await kit.newSite();
  const disk = join(await kit.rootDir(), `disk-${site.attemptId}`);
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "windrow-test", disk]);
  mounts.push(disk);
  mkdirSync(join(disk, "spool"), { mode: 0o700 });
  mkdirSync(site.siteDir, { recursive: true, mode: 0o700 });
  symlinkSync(join(disk, "spool"), join(site.siteDir, "spool"));
  const job = await backend.openJob(site, { deadlineBootMs: bootClockMs() + 60_000 });
  return { job, disk };
}

const freeBytes = (disk: string) => {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
};
const sha256Of = (job: JobHandle) =>
  createHash("sha256")
    .update(readFileSync(job.spoolPath(1)))
    .digest("hex");

describe.runIf(process.getuid?.() === 0).each(heldBackends)(
  "F23: a full disk on the $name backend",
  ({ name, create }) => {
    const backend = create();
    const kit = createJobKit(backend);

    it("makes a step wait when there is no room for its output, and loses nothing of it", async () => {
      const { job, disk } = await openOnSmallDisk(backend, kit);
      writeFileSync(join(disk, "ballast"), Buffer.alloc(DISK_BYTES - 1024 * 1024, 1));
      const script = "i=0; while [ $i -lt 40 ]; do head -c 65536 ../all; i=$((i + 1)); echo $i >../progress; done";
      writeFileSync(
        join(job.site.workDir, "all"),
        Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * 7) % 251)),
      );
      await startShell(job, { script });
      await expect.poll(() => freeBytes(disk), { timeout: 3_000 }).toBeLessThan(256 * 1024);
      const progress = () => readFileSync(join(job.site.workDir, "progress"), "utf8");
      const held = await expect
        .poll(progress, { timeout: 5_000 })
        .toMatch(/^1\d\n$/)
        .then(progress);
      expect(Number(held)).toBeLessThan(40);
      rmSync(join(disk, "ballast"));
      const { exitCode, spoolBytes } = await job.waitStep(1);
      expect([exitCode, spoolBytes]).toEqual([0, 40 * 65_536]);
      const expected = createHash("sha256");
      for (let part = 0; part < 40; part++) expected.update(readFileSync(join(job.site.workDir, "all")));
      expect(sha256Of(job)).toBe(expected.digest("hex"));
      expect(dirname(job.spoolPath(1))).toContain(job.site.siteDir);
    });

    it("keeps the last words of a step that found it full, and the end of one that left a background process", async () => {
      const { job, disk } = await openOnSmallDisk(backend, kit);
      await startShell(job, {
        script: "until [ -e ../full ]; do sleep 0.05; done; sleep 600 & echo last words; exit 3",
      });
      writeFileSync(join(disk, "ballast"), Buffer.alloc(freeBytes(disk), 1));
      writeFileSync(join(job.site.workDir, "full"), "");
      const { exitCode, spoolBytes } = await job.waitStep(1);
      expect([exitCode, spoolBytes]).toEqual([3, 11]);
      expect(readFileSync(job.spoolPath(1), "utf8")).toBe("last words\n");
    });

    // a sandboxed job does not see the disk of its log
    it.runIf(name === "host")("stores what a step says after it has filled the disk itself", async () => {
      const { job, disk } = await openOnSmallDisk(backend, kit);
      const script = `head -c ${2 * DISK_BYTES} /dev/zero >${disk}/big || echo "ended $?"; ls ${disk} >&2; exit 7`;
      await startShell(job, { script });
      expect((await job.waitStep(1)).exitCode).toBe(7);
      expect(readFileSync(job.spoolPath(1), "utf8")).toMatch(/No space left on device\nended 1\nbig\nspool\n$/);
    });

    it("gives back what it set aside and did not need", async () => {
      const { job, disk } = await openOnSmallDisk(backend, kit);
      const before = freeBytes(disk);
      await startShell(job, { script: "echo a few words" });
      expect((await job.waitStep(1)).spoolBytes).toBe(12);
      expect(before - freeBytes(disk)).toBeLessThan(64 * 1024);
    });
  },
);
