import { execFileSync } from "node:child_process";
import { access, link, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createHostBackend, sweepSites, wipeSite } from "../src/index.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, startShell, waitUntil } from "./job-kit.ts";
import { processBackends } from "./process-backends.ts";

for (const { name, create } of processBackends) {
  const backend = create();
  describe(`sweeping what a crashed agent left (${name})`, () => {
    // Several jobs at once: they could share a user only where namespaces keep them apart.
    const kit = createJobKit(backend, { withUser: false });

    it("ends and wipes every site but those to keep, with supervisors that live and that were killed", async () => {
      const naps = [1, 2, 3].map((number) => `72${number}0.${process.pid}`);
      const [kept, living, orphaned] = [await kit.openJob(), await kit.openJob(), await kit.openJob()];
      for (const [index, job] of [kept, living, orphaned].entries()) {
        await startShell(job, { script: `setsid nohup sleep ${naps[index]} & sleep ${naps[index]}` });
        await waitUntil("the step", async () => (await findProcesses(`sleep\0${naps[index]}`)).length === 2);
      }
      process.kill(orphaned.supervisorPid, "SIGKILL");
      const sitesDir = join(await kit.rootDir(), "sites");
      const asked: string[] = [];
      const receipts = await sweepSites({
        backend,
        sitesDir,
        keepAttemptIds: new Set([kept.site.attemptId]),
        afterEnd: async (attemptId) => void asked.push(attemptId),
      });
      expect([...receipts.keys()].sort()).toEqual([living.site.attemptId, orphaned.site.attemptId].sort());
      expect(asked.sort()).toEqual([...receipts.keys()].sort());
      expect(receipts.get(living.site.attemptId)).toMatchObject({ leftCount: 0 });
      expect(await findProcesses(naps[1] ?? "")).toEqual([]);
      expect(await findProcesses(naps[2] ?? "")).toEqual([]);
      expect(await findProcesses(`sleep\0${naps[0]}`)).toHaveLength(2);
      await expect(access(living.site.siteDir)).rejects.toMatchObject({ code: "ENOENT" });
      await expect(access(orphaned.site.siteDir)).rejects.toMatchObject({ code: "ENOENT" });
      await access(kept.site.siteDir);
    });

    it("sweeps a site that a power cut left half written", async () => {
      const sitesDir = join(await kit.rootDir(), "cut-short");
      const siteDir = join(sitesDir, "attempt");
      await mkdir(siteDir, { recursive: true });
      await writeFile(join(siteDir, "supervisor.pid"), "4194999 1 end\n");
      await writeFile(join(siteDir, "settings"), "");
      execFileSync("mkfifo", [join(siteDir, "events")]);
      await sweepSites({ backend, sitesDir, keepAttemptIds: new Set() });
      expect(await readdir(sitesDir)).toEqual([]);
    });
  });
}

describe("wiping a site", () => {
  const kit = createJobKit(createHostBackend());

  it("overwrites the raw output before it goes", async () => {
    const job = await kit.openJob();
    await runShell(job, { script: "echo secret" });
    await job.closeJob();
    await wipeSite(job.site);
    await expect(access(job.site.siteDir)).rejects.toMatchObject({ code: "ENOENT" });
    const second = await kit.openJob();
    await runShell(second, { script: "echo secret" });
    await second.closeJob();
    // A second name keeps the blocks readable; a file with two names is not ours alone, so it is left as it is.
    const copy = join(await kit.rootDir(), "copy");
    await link(second.spoolPath(1), copy);
    await wipeSite(second.site);
    expect(await readFile(copy, "utf8")).toBe("secret\n");
  });
});
