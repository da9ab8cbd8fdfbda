import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createHostBackend, createSandboxBackend, findSandbox, type StepBackend } from "../src/index.ts";
import { createJobKit, runShell } from "./job-kit.ts";

const isRoot = process.getuid?.() === 0;
const found = await findSandbox(undefined);
const backends: readonly (readonly [string, StepBackend])[] = [
  ["host", createHostBackend()],
  ["host without a namespace", createHostBackend({ containment: "best-effort" })],
  ...("bwrap" in found
    ? [["sandbox", createSandboxBackend({ bwrap: found.bwrap, network: "machine", readable: [] })] as const]
    : []),
];
const keyctl = ({ x64: 250, arm64: 219 } as Readonly<Record<string, number>>)[process.arch];
const addKey = ({ x64: 248, arm64: 217 } as Readonly<Record<string, number>>)[process.arch];
const hasKeys = keyctl !== undefined && existsSync("/proc/key-users") && existsSync("/usr/bin/perl");
const canUse = (program: string) => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const hasIpc = canUse("ipcmk") && canUse("ipcs");

// Both jobs are of one slot, so of one user: what the first left must be gone, not only closed to the second.
describe.runIf(isRoot).each(backends)("S36: what a job leaves for the next of its slot (%s)", (name, backend) => {
  const kit = createJobKit(backend);
  const runJob = async (script: string) => {
    const job = await kit.openJob();
    const { output } = await runShell(job, { script });
    await job.closeJob();
    return output.toString();
  };

  it.runIf(hasIpc)("no memory segment, semaphore or message queue", async () => {
    const left = await runJob(
      "ipcmk -M 4096 >/dev/null; ipcmk -S 1 >/dev/null; ipcmk -Q >/dev/null; ipcs | grep -c ^0x",
    );
    expect(Number(left)).toBeGreaterThanOrEqual(3);
    const user = await kit.user();
    expect(await runJob(`ipcs | grep -c ' ${user?.name.slice(0, 8)}' || :`)).toBe("0\n");
    expect((await readFile("/proc/sysvipc/shm", "utf8")).includes(` ${user?.uid} `)).toBe(false);
  });

  // without a namespace they are only seen where the machine shows them
  const seesQueues = name !== "host without a namespace" || existsSync("/dev/mqueue");
  it.runIf(existsSync("/proc/sys/fs/mqueue") && keyctl === 250 && seesQueues)("no POSIX message queue", async () => {
    // mq_open, by its number: O_CREAT | O_RDWR, and O_RDWR
    const open = (flags: number) =>
      `perl -e 'print syscall(240, my $n = "left", ${flags}, 0600, 0) >= 0 ? "there" : "none"'`;
    expect(await runJob(open(0o102))).toBe("there");
    expect(await runJob(open(0o2))).toBe("none");
  });

  it("no file in the folders that all users share", async () => {
    const places = ["/tmp", "/var/tmp", "/dev/shm"];
    const mark = `left-${process.pid}`;
    const made = places.map((place) => `mkdir -p ${place}/${mark} && touch ${place}/${mark}/x && echo made`);
    expect(await runJob(made.join("\n"))).toBe("made\nmade\nmade\n");
    expect(await runJob(places.map((place) => `ls -d ${place}/${mark} 2>/dev/null || echo none`).join("\n"))).toBe(
      "none\nnone\nnone\n",
    );
    expect(places.filter((place) => existsSync(`${place}/${mark}`))).toEqual([]);
  });

  it.runIf(hasKeys)("no key, neither of the user's keyring nor of the one that outlives it", async () => {
    const key = `my ($t, $d, $p) = ("user", "left", "secret");`;
    const kept = `my $kept = syscall(${keyctl}, 22, -1, -2);`;
    const leave = `${key} ${kept} my $n = 0; for my $ring (-4, $kept) { $n++ if syscall(${addKey}, $t, $d, $p, 6, $ring) > 0 } print $n`;
    const find = `${key} ${kept} my $n = 0; for my $ring (-4, $kept) { $n++ if syscall(${keyctl}, 10, $ring, $t, $d, 0) > 0 } print $n`;
    expect(Number(await runJob(`perl -e '${leave}'`))).toBeGreaterThanOrEqual(1);
    expect(await runJob(`perl -e '${find}'`)).toBe("0");
    // and again, now that the user has keyrings
    expect(Number(await runJob(`perl -e '${leave}'`))).toBeGreaterThanOrEqual(1);
    expect(await runJob(`perl -e '${find}'`)).toBe("0");
  });
});

describe.runIf(isRoot)("a supervisor whose job left something in its namespace", () => {
  const kit = createJobKit(createHostBackend());

  it("serves no other job, while one whose job left nothing does", async () => {
    const first = await kit.openJob();
    await runShell(first, { script: "true" });
    await first.closeJob();
    const second = await kit.openJob();
    expect(second.supervisorPid).toBe(first.supervisorPid);
    await runShell(second, { script: "echo x >/dev/shm/left" });
    await second.closeJob();
    const third = await kit.openJob();
    expect(third.supervisorPid).not.toBe(first.supervisorPid);
    expect((await runShell(third, { script: "ls -A /dev/shm | grep left || echo none" })).output.toString()).toBe(
      "none\n",
    );
  });
});
