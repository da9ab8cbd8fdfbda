import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, startShell } from "./job-kit.ts";
import { processBackends } from "./process-backends.ts";

const isRoot = process.getuid?.() === 0;

for (const { name, create } of processBackends) {
  // Only root can give a job a user of its own; without one a job reaches what its agent reaches, and the manual says so.
  describe.runIf(isRoot)(`what a job may not do (${name})`, () => {
    const kit = createJobKit(create());

    it("runs as its slot's user, with no right of root left", async () => {
      const user = await kit.user();
      const { output } = await runShell(await kit.openJob(), {
        script: "id -u; id -g; id -G; grep CapEff /proc/self/status",
      });
      expect(output.toString()).toBe(`${user?.uid}\n${user?.gid}\n${user?.gid}\nCapEff:\t0000000000000000\n`);
    });

    it("cannot read or write anything of its site, nor the agent's environment, nor signal the supervisor", async () => {
      const job = await kit.openJob();
      const { siteDir } = job.site;
      const attempts = [
        `ls ${siteDir}`,
        `cat ${siteDir}/spool/1`,
        `cat ${siteDir}/steps/1/launch`,
        `cat ${siteDir}/settings`,
        `echo x >>${siteDir}/spool/1`,
        `: >${siteDir}/spool/1`,
        `rm -r ${siteDir}/spool/1`,
        `mv ${siteDir} ${siteDir}-moved`,
        `echo 'start 2' >${siteDir}/run`,
        `echo 99999999 >${siteDir}/deadline`,
        `cat /proc/${process.pid}/environ`,
        `cat /proc/1/environ`,
        // the parent of a sandboxed step is its own sandbox
        name === "sandbox" ? "kill -9 1" : "kill -9 $PPID",
        "cat /proc/$PPID/environ",
        "cat /proc/$PPID/fd/8",
      ];
      const script = attempts
        .map((attempt) => `(${attempt}) >>seen 2>/dev/null && echo "could: ${attempt}" || :`)
        .join("\n");
      const { output } = await runShell(job, { script: `${script}\necho tried; cat seen` });
      expect(output.toString()).toBe("tried\n");
    });

    it("cannot see the values of its environment in any command line", async () => {
      const job = await kit.openJob();
      const secret = `secret-${Math.random()}`;
      await startShell(job, { script: "sleep 600", env: { TOKEN: secret, "ODD-TOKEN": secret } });
      expect(await findProcesses(secret)).toEqual([]);
    });

    it("loads nothing of its own into processes of root", async () => {
      const job = await kit.openJob();
      const library = join(job.site.workDir, "evil.so");
      const { output } = await runShell(job, { script: "echo fine", env: { LD_PRELOAD: library } });
      // The job's own shell complains, and it alone: setsid and setpriv ran before the variable was set.
      expect(output.toString()).toMatch(/fine\n$/);
      const complaints = output
        .toString()
        .split("\n")
        .filter((line) => line.includes("evil.so"));
      expect(complaints.every((line) => !line.includes("setpriv"))).toBe(true);
    });
  });
}
