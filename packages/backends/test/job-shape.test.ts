import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  bootClockMs,
  createHostBackend,
  createSandboxBackend,
  findSandbox,
  type OpenJobOptions,
} from "../src/index.ts";
import { createJobKit, runShell, waitUntil } from "./job-kit.ts";

const isRoot = process.getuid?.() === 0;
const found = await findSandbox(undefined);
const bwrap = "bwrap" in found ? found.bwrap : "";
const look =
  "ls -d /root >/dev/null 2>&1 && echo host || echo sandbox; ls /sys/class/net 2>/dev/null | wc -l; readlink /proc/self/ns/net";

describe.runIf(isRoot && bwrap !== "")("one backend whose jobs say themselves how they are held", () => {
  const sandbox = { bwrap, network: "machine", readable: [] } as const;
  const backend = createHostBackend({ sandbox });
  const kit = createJobKit(backend);
  const open = async (options: Partial<OpenJobOptions> = {}) =>
    backend.openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + 60_000, ...options });
  const see = async (options: Partial<OpenJobOptions> = {}) => {
    const job = await open(options);
    const [kind, , network] = (await runShell(job, { script: look })).output.toString().split("\n");
    const { supervisorPid } = job;
    await job.closeJob();
    return { kind, network, supervisorPid };
  };

  it("holds each as it says, and on the machine what says nothing", async () => {
    const machineNetwork = await readlink("/proc/self/ns/net");
    expect(await see()).toMatchObject({ kind: "host", network: machineNetwork });
    expect(await see({ confinement: "sandbox" })).toMatchObject({ kind: "sandbox", network: machineNetwork });
    for (const confinement of ["host", "sandbox"] as const) {
      const { kind, network } = await see({ confinement, network: "own" });
      expect(kind).toBe(confinement);
      expect(network).not.toBe(machineNetwork);
    }
  });

  it("keeps a supervisor for jobs that are held alike, and for no other", async () => {
    const shapes = [
      {},
      { network: "own" },
      { confinement: "sandbox" },
      { confinement: "sandbox", network: "own" },
    ] as const satisfies readonly Partial<OpenJobOptions>[];
    const first = [];
    for (const shape of shapes) first.push((await see(shape)).supervisorPid);
    const second = [];
    for (const shape of shapes) second.push((await see(shape)).supervisorPid);
    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });

  it("attaches to a sandboxed job by its site alone, and holds its next step as the first", async () => {
    const job = await open({ confinement: "sandbox", network: "own" });
    const before = (await runShell(job, { stepNo: 1, script: look })).output.toString();
    job.detach();
    // as an agent that was started without a sandbox
    const again = await createHostBackend().attachJob(job.site);
    if (again === undefined) throw new Error("the supervisor is gone");
    expect((await runShell(again, { stepNo: 2, script: look })).output.toString()).toBe(before);
    expect((await again.cancelStep(2)).endedBy).toBe("nothing");
    await again.closeJob();
  });

  it("runs nothing where a sandbox is asked for and there is none", async () => {
    const bare = createHostBackend();
    const opening = bare.openJob(await kit.newSite(), {
      deadlineBootMs: bootClockMs() + 60_000,
      confinement: "sandbox",
    });
    await expect(opening).rejects.toMatchObject({ code: "supervisor_failed" });
  });

  it("lets a job of the sandbox backend be held by the machine where it says so", async () => {
    const site = await kit.newSite();
    const job = await createSandboxBackend(sandbox).openJob(site, {
      deadlineBootMs: bootClockMs() + 60_000,
      confinement: "host",
    });
    expect((await runShell(job, { script: look })).output.toString()).toMatch(/^host\n/);
    await job.closeJob();
    expect(await readFile(join(site.siteDir, "settings"), "utf8")).toContain("sandbox=''");
    await waitUntil("its release", async () => (await backend.attachJob(site)) === undefined);
  });
});
