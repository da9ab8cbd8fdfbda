import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prepareJobFiles } from "./job-files.ts";

const isRoot = process.getuid?.() === 0;
const user = { name: "somebody", uid: 54_321, gid: 54_321 };
let workRootDir: string;

beforeEach(() => {
  workRootDir = mkdtempSync(join(tmpdir(), "windrow-job-files-"));
});
afterEach(() => rmSync(workRootDir, { recursive: true, force: true }));

describe("a job's files", () => {
  it("are written again whole when the agent died while it wrote one", () => {
    const files = prepareJobFiles({ workRootDir, attemptId: "a" });
    writeFileSync(join(files.dir, "0-script.sh.new"), "make te");
    const path = prepareJobFiles({ workRootDir, attemptId: "a" }).write("0-script.sh", "make test\n");
    expect(readFileSync(path, "utf8")).toBe("make test\n");
  });

  it("are left as they are when they are whole", () => {
    const path = prepareJobFiles({ workRootDir, attemptId: "a" }).write("0-env", "");
    writeFileSync(path, "NAME=value\n");
    prepareJobFiles({ workRootDir, attemptId: "a" }).write("0-env", "");
    expect(readFileSync(path, "utf8")).toBe("NAME=value\n");
  });

  it("have all their folders when the agent died while it made them", () => {
    mkdirSync(join(workRootDir, "a", "job.new", "workspace"), { recursive: true });
    const { work } = prepareJobFiles({ workRootDir, attemptId: "a" });
    for (const folder of [work.workspaceDir, work.homeDir, work.tempDir]) expect(existsSync(folder)).toBe(true);
  });

  it("have a home that Maven takes for one, too", () => {
    const { work } = prepareJobFiles({ workRootDir, attemptId: "a" });
    const script = '. "$HOME/.mavenrc"; echo "$MAVEN_OPTS"';
    const env = { HOME: work.homeDir, MAVEN_OPTS: "-Xmx1g" };
    expect(execFileSync("/bin/sh", ["-euc", script], { env, encoding: "utf8" })).toBe(
      `-Duser.home=${work.homeDir} -Xmx1g\n`,
    );
  });

  it.runIf(isRoot)("can be reached by the slot's user under any umask, and by no other", () => {
    const before = process.umask(0o077);
    try {
      const { dir, work } = prepareJobFiles({ workRootDir, attemptId: "a", user });
      expect(statSync(dir)).toMatchObject({ uid: 0 });
      expect(statSync(dir).mode & 0o777).toBe(0o711);
      expect(statSync(work.workDir)).toMatchObject({ uid: user.uid, gid: user.gid });
      expect(statSync(work.workDir).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it.runIf(isRoot)("are not touched where the job put a link, when the agent comes back to them", () => {
    const outside = join(workRootDir, "outside");
    mkdirSync(outside, { mode: 0o755 });
    const { work } = prepareJobFiles({ workRootDir, attemptId: "a", user });
    rmSync(work.tempDir, { recursive: true });
    symlinkSync(outside, work.tempDir);
    prepareJobFiles({ workRootDir, attemptId: "a", user });
    expect(lstatSync(outside)).toMatchObject({ uid: 0, gid: 0 });
  });
});
