import { execFile } from "node:child_process";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const program = join(import.meta.dirname, "fixtures", "run-one-job.ts");
// As root the test becomes nobody, who must be able to read this checkout and the runtime.
const asNobody = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--"] : [];
const canRead = await run("/usr/bin/env", [...asNobody, process.execPath, "--check", program], { cwd: "/" }).then(
  () => true,
  () => false,
);
const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe("an agent that is not root", () => {
  it.runIf(canRead)("runs a job as itself, ends what it left, and wipes read-only folders", async () => {
    const folder = await mkdtemp(join(tmpdir(), "windrow-unprivileged-"));
    folders.push(folder);
    await chmod(folder, 0o700);
    if (isRoot) await chown(folder, nobody, nobody);
    const { stdout } = await run("/usr/bin/env", [...asNobody, process.execPath, program, folder], { cwd: "/" });
    const uid = isRoot ? nobody : process.getuid?.();
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ user: null, exitCode: 7, receipt: { leftCount: 0, processesEnded: 1 } });
    expect(result.output).toBe(`${uid}\nODD-NAME=odd\n`);
    await expect(rm(join(folder, "work", "1"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
