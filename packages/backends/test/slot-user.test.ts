import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { bootClockMs, createHostBackend, prepareSlotUser, prepareWorkDir, releaseSlotUser } from "../src/index.ts";
import { runShell } from "./job-kit.ts";

const baseName = "windrow-try";
const folders: string[] = [];
let claimDir = "";

beforeEach(async () => {
  claimDir = await mkdtemp(join(tmpdir(), "windrow-claims-"));
  folders.push(claimDir);
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const prepare = async (slotKey: string) => {
  const user = await prepareSlotUser({ slotKey, baseName, claimDir });
  if (user === undefined) throw new Error("no user");
  return user;
};

describe.runIf(process.getuid?.() === 0)("slot users", () => {
  it("gives every slot a user of its own, also when many ask at once", async () => {
    const users = await Promise.all(["/a 1", "/a 2", "/b 1"].map(prepare));
    expect(new Set(users.map((user) => user.uid)).size).toBe(3);
    expect(users.every((user) => user.uid > 0 && user.gid > 0)).toBe(true);
    const { stdout } = await promisify(execFile)("id", ["-u", users[0]?.name ?? ""]);
    expect(Number(stdout)).toBe(users[0]?.uid);
  });

  it("gives a slot the same user again", async () => {
    await prepare("/a 1");
    const second = await prepare("/a 2");
    expect(await prepare("/a 2")).toEqual(second);
  });

  it("gives a released user to the next slot", async () => {
    const first = await prepare("/a 1");
    await releaseSlotUser(first, { claimDir });
    expect(await prepare("/b 1")).toEqual(first);
  });

  it("waits for who else changes the machine's users", async () => {
    // as useradd itself does: a file with the number of a living process
    const lock = () =>
      writeFile("/etc/passwd.lock", String(process.pid), { flag: "wx" }).then(
        () => true,
        () => false,
      );
    await expect.poll(lock, { timeout: 10_000 }).toBe(true);
    const waiting = prepareSlotUser({ slotKey: "/a 1", baseName: `${baseName}-late-${process.pid}`, claimDir });
    try {
      await expect(Promise.race([waiting, sleep(400, "waits")])).resolves.toBe("waits");
    } finally {
      await rm("/etc/passwd.lock");
    }
    const user = await waiting;
    expect(user?.uid).toBeGreaterThan(0);
    await promisify(execFile)("userdel", [user?.name ?? ""]);
  });

  it("is not kept from its work by a process in a folder so deep that it has no path", async () => {
    const root = await mkdtemp(join(tmpdir(), "windrow-deep-"));
    const name = "x".repeat(200);
    const script = `i=0; while [ $i -lt 40 ]; do mkdir ${name} && cd -P ./${name} || exit 1; i=$((i + 1)); done; echo deep; exec sleep 60`;
    const child = spawn("/bin/sh", ["-c", script], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      await prepare("/a 1");
    } finally {
      child.kill("SIGKILL");
      await promisify(execFile)("rm", ["-rf", "--", root]);
    }
  });

  it("leaves the user of a dead agent alone while its job waits between two steps", async () => {
    const user = await prepare("/a 1");
    await writeFile(join(claimDir, user.name), "1 12345 /gone 1\n");
    const rootDir = await mkdtemp(join(tmpdir(), "windrow-slot-job-"));
    folders.push(rootDir);
    await chmod(rootDir, 0o711);
    await mkdir(join(rootDir, "sites"), { mode: 0o700 });
    const site = {
      attemptId: "between",
      workDir: join(rootDir, "work", "between"),
      siteDir: join(rootDir, "sites", "between"),
      user,
    };
    await prepareWorkDir({ rootDir, workDir: site.workDir, user });
    const backend = createHostBackend();
    const job = await backend.openJob(site, { deadlineBootMs: bootClockMs() + 60_000 });
    try {
      await runShell(job, { script: "true" });
      expect((await prepare("/b 1")).uid).not.toBe(user.uid);
    } finally {
      await backend.endRemains(site);
    }
    expect(await prepare("/c 1")).toEqual(user);
  });

  it("takes over the user of a dead agent, but not while something runs as that user", async () => {
    const first = await prepare("/a 1");
    await writeFile(join(claimDir, first.name), "1 12345 /gone 1\n");
    const child = spawn("sleep", ["600"], { uid: first.uid, gid: first.gid, stdio: "ignore" });
    await once(child, "spawn");
    const beside = await prepare("/b 1");
    expect(beside.uid).not.toBe(first.uid);
    child.kill();
    await once(child, "exit");
    expect(await prepare("/c 1")).toEqual(first);
    expect((await readdir(claimDir)).filter((name) => !name.startsWith("."))).toHaveLength(2);
  });
});
