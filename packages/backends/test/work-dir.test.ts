import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareWorkDir, wipeWorkDir } from "../src/index.ts";

let rootDir = "";
const user = { name: "somebody", uid: 54_321, gid: 54_321 };
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  rootDir = await mkdtemp(join(tmpdir(), "windrow-work-"));
  await chmod(rootDir, 0o711);
});

afterAll(() => rm(rootDir, { recursive: true, force: true }));

describe("work folders", () => {
  it("are made closed to others, and again without complaint", async () => {
    const workDir = join(rootDir, "a", "1");
    await prepareWorkDir({ rootDir, workDir });
    const { workspaceDir, homeDir, tempDir } = await prepareWorkDir({ rootDir, workDir });
    for (const folder of [workDir, workspaceDir, homeDir, tempDir]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it.runIf(isRoot)("belong to the slot's user", async () => {
    const { homeDir } = await prepareWorkDir({ rootDir, workDir: join(rootDir, "b"), user });
    expect(await stat(homeDir)).toMatchObject({ uid: user.uid, gid: user.gid });
  });

  it.runIf(isRoot)("are refused, with the folder to open, where the slot's user cannot get to", async () => {
    const closed = join(rootDir, "closed");
    await mkdir(closed, { mode: 0o700 });
    const preparing = prepareWorkDir({ rootDir, workDir: join(closed, "1"), user });
    await expect(preparing).rejects.toMatchObject({
      code: "work_dir_invalid",
      message: expect.stringContaining(`chmod o+x ${closed}`),
    });
  });

  it.each(["", "/", "..", "../other", "a/../../other"])(
    "are neither made nor wiped outside their root: %j",
    async (path) => {
      const workDir = path.startsWith("/") ? path : join(rootDir, path);
      await expect(wipeWorkDir({ rootDir, workDir })).rejects.toMatchObject({ code: "work_dir_invalid" });
      await expect(prepareWorkDir({ rootDir, workDir })).rejects.toMatchObject({ code: "work_dir_invalid" });
    },
  );

  it("are wiped with links and read-only folders in them, and what links point to stays", async () => {
    const outside = join(rootDir, "precious");
    await writeFile(outside, "keep");
    const workDir = join(rootDir, "c");
    const { workspaceDir } = await prepareWorkDir({ rootDir, workDir });
    await symlink(outside, join(workspaceDir, "file"));
    await symlink(rootDir, join(workspaceDir, "folder"));
    await mkdir(join(workspaceDir, "cache", "module"), { recursive: true });
    await writeFile(join(workspaceDir, "cache", "module", "go.mod"), "");
    await chmod(join(workspaceDir, "cache", "module"), 0o500);
    await chmod(join(workspaceDir, "cache"), 0o500);
    await wipeWorkDir({ rootDir, workDir });
    await wipeWorkDir({ rootDir, workDir });
    await expect(stat(workDir)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readFile(outside, "utf8")).toBe("keep");
  });

  it.runIf(isRoot)("leave alone what a job put in their place, when the agent comes back to them", async () => {
    const outside = join(rootDir, "of-the-machine");
    await mkdir(outside, { mode: 0o755 });
    const workDir = join(rootDir, "d");
    const { tempDir } = await prepareWorkDir({ rootDir, workDir, user });
    await rm(tempDir, { recursive: true });
    await symlink(outside, tempDir);
    await prepareWorkDir({ rootDir, workDir, user });
    expect(await stat(outside)).toMatchObject({ uid: 0, gid: 0 });
    expect((await stat(outside)).mode & 0o777).toBe(0o755);
  });

  it("are wiped however deep a job nested folders in them", async () => {
    const workDir = join(rootDir, "e");
    const { workspaceDir } = await prepareWorkDir({ rootDir, workDir });
    const script = "name=$(printf 'x%.0s' $(seq 200)); for i in $(seq 60); do mkdir $name && cd -P $name; done";
    execFileSync("bash", ["-c", script], { cwd: workspaceDir });
    await wipeWorkDir({ rootDir, workDir });
    await expect(stat(workDir)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
