import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createJobKit, runShell, startShell, testPath } from "./job-kit.ts";
import { heldBackends } from "./process-backends.ts";

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

describe.each(heldBackends)("on the $name backend", ({ create }) => {
  const kit = createJobKit(create());

  describe("F22: the spool is what the step wrote, byte for byte", () => {
    it("keeps all 256 byte values and 10 MB of random bytes", async () => {
      const job = await kit.openJob();
      const all = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
      await writeFile(join(job.site.workDir, "all"), all);
      const script = "cat ../all; head -c 10000000 /dev/urandom >../random; cat ../random";
      const { spoolBytes, output } = await runShell(job, { script });
      expect(spoolBytes).toBe(10_000_256);
      expect(output.subarray(0, 256).equals(all)).toBe(true);
      const random = await readFile(join(job.site.workDir, "random"));
      expect(output.subarray(256).equals(random)).toBe(true);
    });

    it("keeps a single line of 100 MB", async () => {
      const job = await kit.openJob();
      await startShell(job, { script: "head -c 100000000 /dev/zero | tr '\\0' x" });
      expect((await job.waitStep(1)).spoolBytes).toBe(100_000_000);
      const expected = createHash("sha256");
      for (let part = 0; part < 100; part++) expected.update(Buffer.alloc(1_000_000, "x"));
      expect(await sha256Of(job.spoolPath(1))).toBe(expected.digest("hex"));
    });

    it("keeps the order of standard output and standard error", async () => {
      const job = await kit.openJob();
      const { output } = await runShell(job, { script: "for i in 1 2 3; do echo out $i; echo err $i >&2; done" });
      expect(output.toString()).toBe("out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    });

    it("survives a step that opens, truncates and reads its own output by name", async () => {
      const job = await kit.openJob();
      const script = `echo a; echo b >/dev/stdout; echo c >/dev/stderr; : >/dev/stdout; echo d >>/proc/self/fd/1
      (timeout 5 cat </dev/stdout) 2>/dev/null && echo stolen; echo e`;
      const { output } = await runShell(job, { script });
      expect(output.toString()).toBe("a\nb\nc\nd\ne\n");
    });
  });

  describe("F26: background processes and the end of a step", () => {
    it("does not wait for a background process that holds the pipe, and loses nothing of the step", async () => {
      const job = await kit.openJob();
      const beganMs = performance.now();
      const { output, exitCode } = await runShell(job, {
        script: "sleep 600 & head -c 5000000 /dev/zero; echo; echo last; exit 4",
      });
      expect(exitCode).toBe(4);
      expect(output.length).toBe(5_000_006);
      expect(output.subarray(-5).toString()).toBe("last\n");
      expect(performance.now() - beganMs).toBeLessThan(2_000);
    });

    it("ends a step whose background process never stops writing, and drops what comes later", async () => {
      const job = await kit.openJob();
      const beganMs = performance.now();
      const { output } = await runShell(job, {
        script: "echo first; (while sleep 0.005; do echo later; done) & sleep 0.05",
      });
      expect(performance.now() - beganMs).toBeLessThan(4_000);
      expect(output.toString()).toMatch(/^first\n(later\n)*/);
      const sizeAtEnd = (await stat(job.spoolPath(1))).size;
      const { output: second } = await runShell(job, { stepNo: 2, script: "sleep 0.1; echo second" });
      expect(second.toString()).toBe("second\n");
      expect((await stat(job.spoolPath(1))).size).toBe(sizeAtEnd);
    });

    it("runs more steps than one batch of pipes", async () => {
      const job = await kit.openJob();
      for (let stepNo = 1; stepNo <= 19; stepNo++) {
        const { output } = await runShell(job, { stepNo, script: `echo step ${stepNo}` });
        expect(output.toString()).toBe(`step ${stepNo}\n`);
      }
    });
  });

  describe("the environment of a step", () => {
    const allCharacters = Array.from({ length: 255 }, (_, index) => String.fromCodePoint(index + 1)).join("");
    const plain: Record<string, string> = {
      EMPTY: "",
      QUOTES: `'"\`$(exit 1)\${HOME}\\'`,
      LINES: "\n\na\r\nb\n",
      ALL: allCharacters,
      WIDE: "ā\u0081\u0088 日本語 🌾",
      LONG: "x".repeat(100_000),
    };

    it.each([
      ["plain names", plain],
      [
        "names no shell accepts, and names a shell keeps for itself",
        {
          ...plain,
          "INPUT_NODE-VERSION": "20",
          "a b.c/é": allCharacters,
          OPTIND: "no number",
          IFS: "x",
          PERL5OPT: "-Mno",
          PWD: "/x",
        },
      ],
    ])("is exactly what was asked for: %s", async (_name, variables) => {
      const job = await kit.openJob();
      const env = { PATH: testPath, ...variables };
      await job.startStep({ stepNo: 1, argv: ["env", "-0"], env, cwd: job.site.workDir });
      await job.waitStep(1);
      const entries = (await readFile(job.spoolPath(1), "utf8")).split("\0").slice(0, -1);
      expect(Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)))).toEqual(env);
    });

    it("gives arguments, folder, empty input and the usual umask, and no open file of the supervisor", async () => {
      const job = await kit.openJob();
      const argv = [
        "bash",
        "-c",
        'printf "%s|" "$@" "$PWD" "$(umask)" "$(wc -c)"; ls /proc/$$/fd; :',
        "name",
        "a 'b'\n",
        "",
        "é$x",
      ];
      await job.startStep({ stepNo: 1, argv, env: { PATH: testPath }, cwd: job.site.workDir });
      await job.waitStep(1);
      const [listed, descriptors] = (await readFile(job.spoolPath(1), "utf8")).split(/\|(?=[^|]*$)/);
      expect(listed).toBe(`a 'b'\n||é$x|${job.site.workDir}|0022|0`);
      // 255 is bash's own; what the test runner itself inherited beyond the first ten is not the supervisor's.
      const own = (descriptors ?? "").trim().split(/\s+/).map(Number);
      expect(own.filter((descriptor) => descriptor < 200 && descriptor > 2)).toEqual([]);
    });

    it.each([
      [{ "A=B": "1" }, "no name for a variable"],
      [{ A: "x\0y" }, "holds a NUL byte"],
      [{ A: "x".repeat(200_000) }, "longer than the 131071 bytes"],
    ])("is refused whole when no process can have it: %#", async (env, reason) => {
      const job = await kit.openJob();
      const starting = job.startStep({ stepNo: 1, argv: ["true"], env, cwd: "/" });
      await expect(starting).rejects.toMatchObject({ code: "step_invalid", message: expect.stringContaining(reason) });
    });

    it("makes a step fail, not the job, when its program or folder is not there", async () => {
      const job = await kit.openJob();
      await job.startStep({ stepNo: 1, argv: ["no-such-program"], env: { PATH: testPath }, cwd: "/" });
      expect(await job.waitStep(1)).toMatchObject({ exitCode: 127 });
      expect(await readFile(job.spoolPath(1), "utf8")).toContain("no-such-program");
      await job.startStep({ stepNo: 2, argv: ["true"], env: { PATH: testPath }, cwd: "/no/such/folder" });
      expect(await job.waitStep(2)).toMatchObject({ exitCode: 126 });
      expect(await readFile(job.spoolPath(2), "utf8")).toContain("/no/such/folder");
    });
  });
});
