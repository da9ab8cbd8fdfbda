import { once } from "node:events";
import { mkdir, readlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { bootClockMs, createSandboxBackend, findSandbox, type JobSite, listenInside } from "../src/index.ts";
import { createJobKit, runShell, startShell, waitUntil } from "./job-kit.ts";

const found = await findSandbox(undefined);
const bwrap = "bwrap" in found ? found.bwrap : "";
const isRoot = process.getuid?.() === 0;

describe.runIf(bwrap !== "")("what a sandboxed job sees of the machine", () => {
  const readable: string[] = [];
  const backend = createSandboxBackend({ bwrap, network: "machine", readable });
  const kit = createJobKit(backend);
  const tryAll = async (attempts: readonly string[]) => {
    const script = attempts.map((attempt) => `(${attempt}) >/dev/null 2>&1 && echo "could: ${attempt}" || :`);
    const { output } = await runShell(await kit.openJob(), { script: `${script.join("\n")}\necho tried` });
    return output.toString();
  };

  it("sees the system, its own folders, and nothing else", async () => {
    const { output } = await runShell(await kit.openJob(), {
      script: "ls /; ls /root /home /run /mnt /srv 2>&1 | wc -l",
    });
    const seen = output.toString().trim().split("\n");
    expect(seen.slice(0, -1).filter((name) => /^(home|root|run|mnt|srv|boot|media)$/.test(name))).toEqual([]);
    expect(seen).toContain("usr");
    expect(await tryAll([`ls ${await kit.rootDir()}/sites`, "ls /var/lib", "ls /root"])).toBe("tried\n");
  });

  it("S27: writes nowhere but into its own folders, and gains no right", async () => {
    expect(
      await tryAll([
        "touch /etc/x",
        "touch /usr/x",
        "touch /x",
        "mkdir /opt/x",
        "echo 1 >/proc/sys/kernel/sysrq",
        "echo b >/proc/sysrq-trigger",
        "mknod /tmp/disk b 8 0",
        "unshare --user true",
        "unshare --mount true",
        "mount -t tmpfs none /tmp",
        "chroot / true",
        "ls /dev/sda /dev/vda /dev/mem /dev/kmsg",
        "cat /proc/1/environ",
        "ls /proc/1/root/root",
        "cat /proc/1/mem",
        "kill -9 1",
      ]),
    ).toBe("tried\n");
  });

  it("has /tmp to itself, and keeps it from step to step with what runs in the background", async () => {
    const first = await kit.openJob();
    await runShell(first, {
      stepNo: 1,
      script: "echo mine >/tmp/kept; (while [ ! -e /tmp/stop ]; do sleep 0.05; done; echo seen >/tmp/told) & :",
    });
    const second = await kit.openJob();
    expect((await runShell(second, { script: "ls -A /tmp" })).output.toString()).not.toContain("kept");
    const { output } = await runShell(first, {
      stepNo: 2,
      script:
        "cat /tmp/kept; touch /tmp/stop; until [ -e /tmp/told ]; do sleep 0.05; done; cat /tmp/told /var/tmp/kept",
    });
    expect(output.toString()).toBe("mine\nseen\nmine\n");
  });

  it("sees what it is shown besides, read-only, and the folder of its small files", async () => {
    const tools = join(await kit.rootDir(), "tools");
    await mkdir(tools, { recursive: true, mode: 0o755 });
    await writeFile(join(tools, "tool"), "here\n", { mode: 0o644 });
    readable.push(tools);
    const site = await kit.newSite();
    const filesDir = join(await kit.rootDir(), "files");
    await mkdir(filesDir, { recursive: true, mode: 0o777 });
    await writeFile(join(filesDir, "script"), "echo read\n", { mode: 0o644 });
    const withFiles: JobSite = { ...site, filesDir };
    const job = await backend.openJob(withFiles, { deadlineBootMs: bootClockMs() + 60_000 });
    const script = `cat ${tools}/tool; sh ${filesDir}/script; touch ${tools}/x 2>/dev/null || echo read-only`;
    expect((await runShell(job, { script })).output.toString()).toBe("here\nread\nread-only\n");
  });

  it("has processes and memory segments of its own", async () => {
    const other = await kit.openJob();
    await startShell(other, { script: "sleep 600" });
    await waitUntil("the other job", async () => (await backend.readRemains(other.site)) !== undefined);
    const { output } = await runShell(await kit.openJob(), {
      script: "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 60[0]' || :; readlink /proc/self/ns/ipc",
    });
    const [sleepers, ipc] = output.toString().trim().split("\n");
    expect(Number(sleepers)).toBe(0);
    expect(ipc).not.toBe(await readlink("/proc/self/ns/ipc"));
  });

  it.runIf(isRoot)("runs as its slot's user, who is nobody else inside", async () => {
    const user = await kit.user();
    const { output } = await runShell(await kit.openJob(), {
      script: "id -u; id -g; echo $HOME$USER; stat -c %u /usr",
    });
    expect(output.toString()).toBe(`${user?.uid}\n${user?.gid}\n\n65534\n`);
  });

  it("resolves names and reaches the network of its machine", async () => {
    const { output } = await runShell(await kit.openJob(), {
      script: "getent hosts localhost | head -1; cat /etc/hosts | wc -l",
    });
    expect(output.toString()).toMatch(/localhost/);
  });
});

describe.runIf(bwrap !== "" && isRoot)("a sandboxed job without a network", () => {
  const backend = createSandboxBackend({ bwrap, network: "none", readable: [dirname(process.execPath)] });
  const kit = createJobKit(backend);

  it("reaches nothing of its machine, and only what its agent offers inside", async () => {
    const outside = createServer((socket) => socket.end("outside"));
    outside.listen(0, "127.0.0.1");
    await once(outside, "listening");
    const { port } = outside.address() as AddressInfo;
    const job = await kit.openJob();
    const inside = await listenInside({ pid: job.supervisorPid, port: 7777 });
    inside.on("connection", (socket: Socket) => socket.end("the agent\n"));
    const ask = (to: number) => `(exec 3<>/dev/tcp/127.0.0.1/${to} && cat <&3) 2>/dev/null || echo nobody`;
    const { output } = await runShell(job, { script: `${ask(port)}; ${ask(7777)}; ls /sys/class/net` });
    expect(output.toString()).toMatch(/^nobody\nthe agent\n/);
    const addresses = await runShell(job, {
      stepNo: 2,
      script: "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '",
    });
    expect(addresses.output.toString()).toBe("lo\n");
    inside.close();
    outside.close();
  });

  it("serves what one step left in the background to the next", async () => {
    const job = await kit.openJob();
    const serve = `${process.execPath} -e 'require("net").createServer((s) => s.on("error", () => 0).end("served")).listen(8080, "127.0.0.1")'`;
    await startShell(job, {
      stepNo: 1,
      script: `${serve} & until (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 0.05; done`,
    });
    await job.waitStep(1);
    const { output } = await runShell(job, { stepNo: 2, script: "exec 3<>/dev/tcp/127.0.0.1/8080; cat <&3" });
    expect(output.toString()).toBe("served");
  });
});
