import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  bootClockMs,
  createHostBackend,
  createSandboxBackend,
  findSandbox,
  type OpenJobOptions,
  type StepBackend,
  sweepSites,
} from "../src/index.ts";
import { type CgroupPlaces, findCgroups } from "../src/limits/find-cgroups.ts";
import { makeJobCgroups } from "../src/limits/job-cgroups.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, startShell, waitUntil } from "./job-kit.ts";

const isRoot = process.getuid?.() === 0;
const places = isRoot ? findCgroups() : {};
const found = await findSandbox(undefined);
const unifiedDir = "/sys/fs/cgroup/unified";
const backends: readonly (readonly [string, StepBackend])[] = [
  ["host", createHostBackend()],
  ...("bwrap" in found
    ? [["sandbox", createSandboxBackend({ bwrap: found.bwrap, network: "machine", readable: [] })] as const]
    : []),
];
const grabMemory = "head -c 400000000 /dev/zero | tail -c 400000000 | wc -c";
// bash would try again for a quarter of a minute
const makeProcesses = "sh -c 'for i in $(seq 60); do sleep 600 & done'";
const cgroupsOf = async (siteDir: string) =>
  /^cgroups='(.*)'$/m
    .exec(await readFile(join(siteDir, "settings"), "utf8"))?.[1]
    ?.split(" ")
    .filter(Boolean) ?? [];

describe.runIf(isRoot).each(backends)("limits of a job on the %s backend", (_name, backend) => {
  const kit = createJobKit(backend);
  const open = async (limits: OpenJobOptions["limits"]) =>
    backend.openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + 60_000, limits });

  it.runIf(places.memory)("ends what takes more memory than it may, and says so of that step alone", async () => {
    const job = await open({ memoryBytes: 64_000_000 });
    const first = await runShell(job, { stepNo: 1, script: `set -o pipefail; ${grabMemory}` });
    expect(first.exitCode).not.toBe(0);
    expect(first.isOutOfMemory).toBe(true);
    const second = await runShell(job, { stepNo: 2, script: "exit 3" });
    expect(second).toMatchObject({ exitCode: 3 });
    expect(second.isOutOfMemory).toBeUndefined();
  });

  it.runIf(places.processes)("lets no more processes be made than it may, and goes on", async () => {
    const job = await open({ processesMax: 20 });
    const first = await runShell(job, { stepNo: 1, script: makeProcesses });
    expect(first.exitCode).not.toBe(0);
    expect(first.output.toString()).toMatch(/fork|resource/i);
    expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
  });

  it.runIf(places.memory && places.processes)("leaves no cgroup when it is over", async () => {
    const job = await open({ memoryBytes: 500_000_000, processesMax: 100 });
    await startShell(job, { script: "setsid sleep 600 & sleep 600" });
    const dirs = await cgroupsOf(job.site.siteDir);
    expect(dirs.every((dir) => existsSync(dir))).toBe(true);
    expect(dirs.length).toBeGreaterThan(0);
    await job.closeJob();
    expect(dirs.filter((dir) => existsSync(dir))).toEqual([]);
  });

  it.runIf(places.memory)("leaves none to a sweep after a crash", async () => {
    const job = await open({ memoryBytes: 500_000_000 });
    await startShell(job, { script: "sleep 600" });
    const dirs = await cgroupsOf(job.site.siteDir);
    process.kill(job.supervisorPid, "SIGKILL");
    const sitesDir = dirname(job.site.siteDir);
    await sweepSites({ backend, sitesDir, keepAttemptIds: new Set() });
    expect(dirs.filter((dir) => existsSync(dir))).toEqual([]);
  });

  it("makes none for a job without limits", async () => {
    expect(await cgroupsOf((await kit.openJob()).site.siteDir)).toEqual([]);
  });
});

describe.runIf(isRoot)("limits where no cgroup can be made", () => {
  const backend = createHostBackend({ cgroups: {} });
  const kit = createJobKit(backend);

  it("counts the processes of the job's user", async () => {
    const limits = { processesMax: 20, memoryBytes: 64_000_000 };
    const job = await backend.openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + 60_000, limits });
    const { exitCode, output } = await runShell(job, { script: makeProcesses });
    expect(exitCode).not.toBe(0);
    expect(output.toString()).toMatch(/fork|resource/i);
    expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
  });
});

const held: readonly (readonly [string, CgroupPlaces])[] = [
  ...(places.processes === undefined ? [] : [["one that limits", { processes: places.processes }] as const]),
  ...(existsSync(join(unifiedDir, "cgroup.procs"))
    ? [["one that can be killed", { processes: { version: 2, dir: join(unifiedDir, "windrow-test") } }] as const]
    : []),
];

describe.runIf(isRoot).each(held)("a job that no namespace holds, but a cgroup: %s", (_name, cgroups) => {
  const backend = createHostBackend({ containment: "cgroup", cgroups });
  const kit = createJobKit(backend);
  const startTree = async (nap: string) => {
    const job = await kit.openJob();
    expect(job.containment).toBe("cgroup");
    const script = `( ( env -i setsid sleep ${nap} & ) & ); env -i setsid nohup sleep ${nap} <&- >&- 2>&- &
      trap '' INT TERM; while :; do sleep ${nap}; done`;
    await startShell(job, { script });
    await waitUntil("the tree", async () => (await findProcesses(`sleep\0${nap}`)).length >= 3);
    return job;
  };

  afterAll(async () => {
    if (cgroups.processes?.dir.startsWith(unifiedDir)) await rmdir(cgroups.processes.dir);
  });

  it("F26: leaves no survivor, whatever it cleared and left", async () => {
    const nap = `751.${process.pid}`;
    const job = await startTree(nap);
    const dirs = await cgroupsOf(job.site.siteDir);
    const receipt = await job.closeJob();
    expect(receipt).toMatchObject({ leftCount: 0, containment: "cgroup" });
    expect(receipt.processesEnded).toBeGreaterThanOrEqual(3);
    expect(await findProcesses(nap)).toEqual([]);
    expect(dirs.filter((dir) => existsSync(dir))).toEqual([]);
  });

  it("leaves none when its supervisor was killed", async () => {
    const nap = `752.${process.pid}`;
    const job = await startTree(nap);
    process.kill(job.supervisorPid, "SIGKILL");
    expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
    expect(await findProcesses(nap)).toEqual([]);
  });
});

// The machine of these tests may have no controllers of this version: then only what would be asked of the kernel can be seen.
describe("cgroups of version 2", () => {
  const folders: string[] = [];
  const newTree = async (files: Readonly<Record<string, string>>) => {
    const dir = await mkdtemp(join(tmpdir(), "windrow-cgroups-"));
    folders.push(dir);
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
    return dir;
  };
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });
  const offered = { "cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "cpu\n" };

  it("takes the part that was delegated, and steps aside in it", async () => {
    const dir = await newTree({
      "cgroup.type": "domain\n",
      ...Object.fromEntries(Object.entries(offered).map(([name, text]) => [`of-agent/${name}`, text])),
      "of-agent/cgroup.procs": "4711\n",
      "of-agent/windrow-agent/cgroup.procs": "",
      "of-agent/windrow/cgroup.controllers": "memory pids\n",
      "of-agent/windrow/cgroup.subtree_control": "",
    });
    findCgroups({ mountInfo: `30 20 0:26 / ${dir} rw - cgroup2 cgroup2 rw`, ownCgroups: "0::/of-agent\n" });
    expect(await readFile(join(dir, "of-agent/windrow-agent/cgroup.procs"), "utf8")).toBe("4711");
    expect(await readFile(join(dir, "of-agent/cgroup.subtree_control"), "utf8")).toBe("+memory +pids");
    expect(await readFile(join(dir, "of-agent/windrow/cgroup.subtree_control"), "utf8")).toBe("+memory +pids");
  });

  it("touches nothing where none of its controllers is offered", async () => {
    const dir = await newTree({ "cgroup.controllers": "cpu\n", "cgroup.subtree_control": "" });
    const facts = { mountInfo: `30 20 0:26 / ${dir} rw - cgroup2 cgroup2 rw`, ownCgroups: "0::/\n" };
    expect(findCgroups(facts)).toEqual({ memory: undefined, processes: undefined });
    expect(existsSync(join(dir, "windrow"))).toBe(false);
  });

  it("limits memory without swap, and processes, in one folder for the job", async () => {
    const dir = await newTree({});
    const place = { version: 2, dir } as const;
    const site = { attemptId: "1", siteDir: "/nonexistent/1", workDir: "/nonexistent/work" };
    const made = makeJobCgroups(
      site,
      { memoryBytes: 1_000_000.7, processesMax: 9 },
      { places: { memory: place, processes: place }, isHeldByThem: false },
    );
    const [only = "", ...more] = made.dirs;
    expect(more).toEqual([]);
    expect(made.oomCounter).toBe(join(only, "memory.events"));
    expect(await readFile(join(only, "memory.max"), "utf8")).toBe("1000000");
    expect(await readFile(join(only, "pids.max"), "utf8")).toBe("9");
  });
});
