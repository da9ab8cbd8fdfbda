import { closeSync, constants, existsSync, openSync, writeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createHostBackend, type JobHandle, noGrace, noteContainer, prepareDoor, startGuard } from "../src/index.ts";
import { type NamespaceContainer, startNamespaceContainer } from "./door-kit.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, waitUntil } from "./job-kit.ts";

const isRoot = process.getuid?.() === 0;
const quickGrace = { interruptMs: 400, terminateMs: 300 };
const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
const shells: readonly (readonly [string, readonly string[]])[] = [
  ["sh", ["/bin/sh"]],
  ["bash", ["/bin/bash"]],
  ...(busybox === undefined ? [] : [["busybox ash", [busybox, "ash"]] as const]),
];
const containers: NamespaceContainer[] = [];
afterEach(async () => {
  for (const container of containers.splice(0)) await container.end();
});

// What a container is to the door: processes of their own whose first one is the door's. Real ones: see the docker tests.
describe.runIf(isRoot).each(shells)("steps through a door whose first process runs in %s", (shellName, shell) => {
  const backend = createHostBackend();
  const kit = createJobKit(backend, { withUser: false });
  const open = async (env?: Readonly<Record<string, string>>) => {
    const job = await kit.openJob();
    const door = await prepareDoor(job.site);
    const container = await startNamespaceContainer(door, { shell, ...(env === undefined ? {} : { env }) });
    containers.push(container);
    const facts = await door.greet(new AbortController().signal, container.pid);
    return { job, door, container, facts };
  };
  const start = (
    job: JobHandle,
    script: string,
    options: { readonly stepNo?: number; readonly isBeside?: boolean } = {},
  ) =>
    job.startStep({
      ...{ stepNo: 1, isInContainer: true, argv: ["bash", "-c", script], cwd: "/", ...options },
      env: { PATH: "/usr/bin:/bin" },
    });
  const run = async (job: JobHandle, script: string, stepNo = 1) => {
    await start(job, script, { stepNo });
    const exit = await job.waitStep(stepNo);
    return { ...exit, output: (await readFile(job.spoolPath(stepNo))).subarray(0, exit.spoolBytes) };
  };

  it("tells who runs there and what is there", async () => {
    const { facts } = await open();
    expect(facts).toMatchObject({ uid: 0, gid: 0, isMusl: false });
    expect(facts.tools).toEqual(expect.arrayContaining(["bash", "setsid", "env"]));
  });

  it("gives a step the variables it was given, whatever their names, and nothing of the container's", async () => {
    const { job } = await open({ PATH: "/usr/bin:/bin", OF_IMAGE: "a\nexport FAKE=1\nb", HOME: "/of/image" });
    const env = {
      PATH: "/usr/bin:/bin",
      "INPUT_NODE-VERSION": "2 'x'\n",
      IFS: "x",
      OPTIND: "no number",
      EMPTY: "",
      PWD: "/y",
    };
    await job.startStep({ stepNo: 1, isInContainer: true, argv: ["/usr/bin/env", "-0"], env, cwd: "/tmp" });
    expect(await job.waitStep(1)).toMatchObject({ exitCode: 0 });
    const entries = (await readFile(job.spoolPath(1), "utf8")).split("\0").slice(0, -1);
    const seen = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
    // bash cannot help setting one
    expect({ ...seen, _: undefined }).toEqual({ ...env, _: undefined });
  });

  it("runs it in its folder, with nothing on its input and no pipe of the door but its own", async () => {
    const { job } = await open();
    const { output } = await run(job, "pwd; wc -c; umask; ls -l /proc/$$/fd | grep -c door");
    expect(output.toString()).toBe("/\n0\n0022\n2\n");
    await job.startStep({ stepNo: 2, isInContainer: true, argv: ["true"], env: {}, cwd: "/no/such/folder" });
    expect(await job.waitStep(2)).toMatchObject({ exitCode: 126 });
  });

  it("F22: keeps 10 MB of random bytes as they are", async () => {
    const { job } = await open();
    const copy = join(job.site.workDir, "copy");
    const { output, exitCode } = await run(job, `head -c 10000000 /dev/urandom >${copy}; cat ${copy}; exit 3`);
    expect(exitCode).toBe(3);
    expect(output.equals(await readFile(copy))).toBe(true);
  });

  it.each([
    ["ends on interrupt", "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done", "interrupt", 5],
    [
      "ends on terminate only",
      "trap '' INT; trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done",
      "terminate",
      6,
    ],
    ["ends on nothing", "trap '' INT TERM; echo ready; while :; do sleep 0.05; done", "kill", 137],
  ])("cancels a step that %s", async (_what, script, endedBy, exitCode) => {
    const { job } = await open();
    await start(job, script);
    await waitUntil("the trap", async () => (await readFile(job.spoolPath(1), "utf8")) === "ready\n");
    expect((await job.cancelStep(1, quickGrace)).endedBy).toBe(endedBy);
    expect(await job.waitStep(1)).toMatchObject({ exitCode });
  });

  // it takes the ten seconds that a container is given to answer
  it.runIf(shellName === "sh")("ends a step at the last whose container answers no more, and says so", async () => {
    const { job, container } = await open();
    await start(job, "trap '' INT TERM; sleep 600; sleep 600");
    // as a job would that stops its container's first process and fills the pipe to it
    const helpers = (await readFile(`/proc/${container.pid}/task/${container.pid}/children`, "utf8")).trim().split(" ");
    for (const pid of helpers) process.kill(Number(pid), "SIGSTOP");
    const ctl = openSync(join(job.site.siteDir, "door", "ctl"), constants.O_RDWR | constants.O_NONBLOCK);
    expect(() => {
      for (;;) writeSync(ctl, "nonsense\n".repeat(400));
    }).toThrow("EAGAIN");
    expect((await job.cancelStep(1, noGrace)).endedBy).toBe("kill");
    expect(await job.waitStep(1)).toMatchObject({ exitCode: 137 });
    expect(await job.closeJob()).toMatchObject({ leftCount: 0 });
    closeSync(ctl);
  });

  it("cancels a step before it has its process", async () => {
    const { job } = await open();
    await start(job, "exec sleep 600");
    expect((await job.cancelStep(1, quickGrace)).endedBy).toBe("interrupt");
  });

  it("cancels a tree where there is no setsid, and ends what only kill ends", async () => {
    const { job, facts } = await open({ PATH: "/nonexistent" });
    // that shell has its own
    if (!shellName.startsWith("busybox")) expect(facts.tools).toEqual([]);
    const nap = `741.${process.pid}`;
    await start(job, `trap '' INT TERM; bash -c "trap '' INT TERM; sleep ${nap}; sleep ${nap}"; sleep ${nap}`);
    await waitUntil("the tree", async () => (await findProcesses(`sleep\0${nap}`)).length === 1);
    expect((await job.cancelStep(1, quickGrace)).endedBy).toBe("kill");
    await waitUntil("its end", async () => (await findProcesses(nap)).length === 0);
  });

  it("runs steps beside one another", async () => {
    const { job } = await open();
    await start(job, "echo server; exec sleep 600", { stepNo: 5, isBeside: true });
    await start(job, "echo test; exit 4", { stepNo: 2, isBeside: true });
    expect(await job.waitStep(2)).toMatchObject({ exitCode: 4, spoolBytes: 5 });
    expect(await job.cancelStep(5)).toMatchObject({ endedBy: "interrupt" });
    expect(await job.waitStep(5)).toMatchObject({ exitCode: 130, spoolBytes: 7 });
  });

  it("F26: keeps a background process for the next step, and does not wait for one that holds the output", async () => {
    const { job } = await open();
    const beganMs = performance.now();
    const first = await run(job, "sleep 600 & echo $!", 1);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    expect((await run(job, `kill -0 ${first.output.toString().trim()} && echo still there`, 2)).output.toString()).toBe(
      "still there\n",
    );
  });

  it("F06: goes on without the agent, and is found again by its files alone", async () => {
    const { job } = await open();
    const go = join(job.site.workDir, "go");
    await start(job, `until [ -e ${go} ]; do sleep 0.02; done; echo went on; exit 7`);
    job.detach();
    const again = await createHostBackend().attachJob(job.site);
    if (again === undefined) throw new Error("the supervisor is gone");
    await writeFile(go, "");
    expect(await again.waitStep(1)).toMatchObject({ exitCode: 7, spoolBytes: 8 });
    expect((await run(again, "echo second", 2)).output.toString()).toBe("second\n");
  });

  it("reports the end of the container as a fault and never as the end of a step", async () => {
    const { job, container } = await open();
    await start(job, "sleep 600");
    const waiting = expect(job.waitStep(1)).rejects.toMatchObject({ code: "container_gone" });
    process.kill(container.pid, "SIGKILL");
    await waiting;
    expect((await backend.readRemains(job.site))?.exits.size).toBe(0);
    // and so is every step after it
    await start(job, "true", { stepNo: 2 });
    await expect(job.waitStep(2)).rejects.toMatchObject({ code: "container_gone" });
    expect(await job.closeJob(noGrace)).toMatchObject({ leftCount: 0 });
  });

  it("leaves neither script nor pipe of a step in the door after its end", async () => {
    const { job, door } = await open();
    await run(job, "true");
    for (const name of ["launch.1", "reply.1", "pipe.1"]) expect(existsSync(join(door.dir, name))).toBe(false);
  });

  it("notices a container that ends before it speaks", async () => {
    const job = await kit.openJob();
    const door = await prepareDoor(job.site);
    const container = await startNamespaceContainer(door, { shell: ["/bin/sh", "-c", "sleep 0.2"] });
    containers.push(container);
    const greeting = door.greet(new AbortController().signal, container.pid);
    await expect(greeting).rejects.toMatchObject({ code: "container_gone" });
  });

  it("refuses a step for a container that was never there", async () => {
    const job = await kit.openJob();
    await expect(start(job, "true")).rejects.toMatchObject({ code: "step_invalid" });
  });
});

describe.runIf(isRoot)("the guard of a job's containers", () => {
  const backend = createHostBackend();
  const kit = createJobKit(backend, { withUser: false });
  const open = async () => {
    const job = await kit.openJob();
    const container = await startNamespaceContainer(await prepareDoor(job.site));
    containers.push(container);
    noteContainer(job.site, { id: "first", pid: container.pid });
    startGuard(job.site);
    startGuard(job.site);
    return { job, container };
  };
  const guards = ({ site }: JobHandle) => findProcesses(`guard.sh\0${site.siteDir}\0`);

  it("is there once, and goes when the agent has ended job and containers itself", async () => {
    const { job, container } = await open();
    // what it starts looks like it for a moment
    await waitUntil("one guard alone", async () => (await guards(job)).length === 1);
    await job.closeJob();
    await container.end();
    await waitUntil("its end", async () => (await guards(job)).length === 0);
  });

  it("ends the containers when the supervisor is gone and the agent is dead", async () => {
    const { job, container } = await open();
    await writeFile(join(job.site.siteDir, "guard.agent"), "4194999 1 end\n");
    process.kill(job.supervisorPid, "SIGKILL");
    await waitUntil("the container's end", async () => !existsSync(`/proc/${container.pid}`));
    await waitUntil("its end", async () => (await guards(job)).length === 0);
  });

  it("ends containers that came later, at the job's deadline", async () => {
    const { job } = await open();
    const second = await startNamespaceContainer(await prepareDoor((await kit.openJob()).site));
    containers.push(second);
    noteContainer(job.site, { id: "second", pid: second.pid });
    await writeFile(join(job.site.siteDir, "guard.agent"), "4194999 1 end\n");
    await job.setDeadline(0, noGrace);
    await waitUntil("the container's end", async () => !existsSync(`/proc/${second.pid}`));
    await waitUntil("its end", async () => (await guards(job)).length === 0);
  });
});
