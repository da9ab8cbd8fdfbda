import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BackendFault } from "../src/index.ts";
import { startTestEngine, type TestEngine, whyNoTestEngine } from "../src/testing.ts";
import { createDockerKit, type DockerKit, runStep, specOf } from "./docker-kit.ts";
import { waitUntil } from "./job-kit.ts";

const missing = await whyNoTestEngine();
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(missing !== undefined)(
  `steps that are containers${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    let kit: DockerKit;
    beforeAll(async () => {
      engine = await startTestEngine({ networks: true, images: ["shell"] });
      kit = await createDockerKit(engine);
    });
    afterEach(() => kit.endJobs());
    afterAll(async () => {
      await kit?.remove();
      await engine?.stop();
    });
    const codeOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "no fault",
        (error: BackendFault) => error.code,
      );

    it("run with what they are given, on the job's network, and say how they ended", async () => {
      const containers = await kit.open();
      const mounts = [{ source: join(containers.site.workDir, "workspace"), target: "/github/workspace" }];
      const env = { INPUT_WORDS: 'two words\nand "quotes" $HOME', TOKEN: "x=y" };
      const script = 'echo "$INPUT_WORDS|$TOKEN|$1"; pwd; echo made >made; exit 7';
      const ran = await runStep(containers, 1, "", {
        env,
        mounts,
        cwd: "/github/workspace",
        entrypoint: ["sh"],
        command: ["-c", script, "sh", "an argument"],
      });
      expect(ran.output.toString()).toBe('two words\nand "quotes" $HOME|x=y|an argument\n/github/workspace\n');
      expect(ran.exitCode).toBe(7);
      expect(await readFile(join(containers.site.workDir, "workspace/made"), "utf8")).toBe("made\n");
      const info = await engine.docker.listContainers({ all: true, filters: { label: ["windrow.role=step"] } });
      expect(info[0]?.HostConfig.NetworkMode).toMatch(/^container:/);
      const exit = await containers.waitStep(1);
      expect(exit.endedAtMs).toBeGreaterThanOrEqual(exit.startedAtMs);
      expect(Math.abs(Date.now() - exit.startedAtMs)).toBeLessThan(60_000);
    });

    it("are not started twice, and are unknown before", async () => {
      const containers = await kit.open();
      expect(await codeOf(containers.waitStep(1))).toBe("step_unknown");
      expect(await codeOf(containers.cancelStep(1))).toBe("step_unknown");
      const spec = specOf({ entrypoint: ["sh", "-c"], command: ["echo once"] });
      await Promise.all([containers.startStep({ stepNo: 1, spec }), containers.startStep({ stepNo: 1, spec })]);
      await containers.waitStep(1);
      await containers.startStep({ stepNo: 1, spec });
      expect(await readFile(containers.spoolPath(1), "utf8")).toBe("once\n");
    });

    it("that cannot be started are the workflow's fault", async () => {
      const containers = await kit.open();
      expect(await codeOf(runStep(containers, 1, "", { entrypoint: ["/no/such/program"] }))).toBe("container_refused");
      expect(await codeOf(runStep(containers, 2, "", { options: "--privileged" }))).toBe("container_refused");
      expect(await codeOf(runStep(containers, 3, "", { volumes: ["/etc:/x"] }))).toBe("container_refused");
    });

    const OUTPUTS: readonly (readonly [string, string, Buffer | undefined])[] = [
      ["nothing", "true", Buffer.alloc(0)],
      ["a line without an end", "printf abc", Buffer.from("abc")],
      ["lines and then one without an end", "printf 'a\\n\\n\\nb'", Buffer.from("a\n\n\nb")],
      ["only newlines", "printf '\\n\\n'", Buffer.from("\n\n")],
      ["a line without an end on the other stream", "printf 'a\\n'; printf b >&2", Buffer.from("a\nb")],
      ["carriage returns, NUL, what is no text", "printf 'a\\rb\\0c\\377\\n'", Buffer.from("a\rb\0c\xff\n", "latin1")],
      [
        "a line of exactly one piece",
        "head -c 16384 /dev/zero; echo",
        Buffer.concat([Buffer.alloc(16_384), Buffer.from("\n")]),
      ],
      [
        "a line of several pieces",
        "head -c 100000 /dev/zero; echo",
        Buffer.concat([Buffer.alloc(100_000), Buffer.from("\n")]),
      ],
      ["a long line without an end", "head -c 100000 /dev/zero", Buffer.alloc(100_000)],
      ["whole pieces without an end", "head -c 32768 /dev/zero", Buffer.alloc(32_768)],
    ];

    it("F22: leave in the spool what they wrote, byte for byte", async () => {
      const containers = await kit.open();
      for (const [index, [what, script, expected = Buffer.alloc(0)]] of OUTPUTS.entries()) {
        const { output } = await runStep(containers, index + 1, script);
        expect(
          output.equals(expected),
          `${what}: ${output.length} bytes, ${JSON.stringify(output.subarray(-20).toString("latin1"))}`,
        ).toBe(true);
      }
    });

    it("F22: leave 10 MB of random bytes and 100 MB of lines as they were", async () => {
      const containers = await kit.open();
      const source = join(containers.site.workDir, "workspace");
      const mounts = [{ source, target: "/w" }];
      const random = await runStep(containers, 1, "head -c 10000000 /dev/urandom >/w/random; cat /w/random", {
        mounts,
      });
      expect(sha256(random.output)).toBe(sha256(await readFile(join(source, "random"))));
      const lines = await runStep(containers, 2, "seq -f %099.0f 1000000 >/w/lines; cat /w/lines", { mounts });
      expect(lines.output.length).toBe(100_000_000);
      expect(sha256(lines.output)).toBe(sha256(await readFile(join(source, "lines"))));
    });

    it("F06: lose nothing while no agent is there, whether they go on or end meanwhile", async () => {
      const containers = await kit.open();
      const source = join(containers.site.workDir, "workspace");
      await mkdir(source, { recursive: true });
      const mounts = [{ source, target: "/w" }];
      const script =
        "i=0; while [ ! -e /w/stop ]; do i=$((i + 1)); echo line $i; done; head -c 300000 /dev/zero; echo; echo end";
      await containers.startStep({ stepNo: 1, spec: specOf({ mounts, entrypoint: ["sh", "-c"], command: [script] }) });
      await waitUntil("output", async () => (await readFile(containers.spoolPath(1))).length > 10_000);
      containers.detach();
      const second = await kit.anotherEngine().attach(containers.site);
      const before = (await readFile(containers.spoolPath(1))).length;
      await waitUntil("more output", async () => (await readFile(containers.spoolPath(1))).length > before + 10_000);
      second?.detach();
      await writeFile(join(source, "stop"), "");
      await waitUntil("its end", async () => {
        const [info] = await engine.docker.listContainers({ all: true, filters: { label: ["windrow.role=step"] } });
        return info?.State === "exited";
      });
      const third = await kit.anotherEngine().attach(containers.site);
      const exit = await third?.waitStep(1);
      const output = await readFile(containers.spoolPath(1));
      expect(exit).toMatchObject({ exitCode: 0, spoolBytes: output.length });
      const [numbered = "", tail = ""] = output.toString("latin1").split(/(?=\0)/s, 2);
      const lines = numbered.trimEnd().split("\n");
      expect(lines.every((line, index) => line === `line ${index + 1}`)).toBe(true);
      expect(tail.length + output.toString("latin1").lastIndexOf("\0")).toBeGreaterThan(300_000);
      expect(output.toString("latin1").endsWith("\0\nend\n")).toBe(true);
      third?.detach();
      // what is known already is not found out again
      expect(await (await kit.anotherEngine().attach(containers.site))?.waitStep(1)).toEqual(exit);
    });

    it("are cancelled politely first", async () => {
      const containers = await kit.open();
      const polite = "trap 'echo interrupted; exit 130' INT; echo ready; while :; do sleep 0.1; done";
      const stubborn = "trap '' INT TERM; echo ready; while :; do sleep 0.1; done";
      const start = async (stepNo: number, script: string) => {
        await containers.startStep({ stepNo, spec: specOf({ entrypoint: ["sh", "-c"], command: [script] }) });
        await waitUntil("its word", async () =>
          (await readFile(containers.spoolPath(stepNo), "utf8")).includes("ready"),
        );
      };
      await start(1, polite);
      expect(await containers.cancelStep(1)).toMatchObject({ endedBy: "interrupt" });
      expect(await containers.waitStep(1)).toMatchObject({ exitCode: 130, signal: "SIGINT" });
      expect(await readFile(containers.spoolPath(1), "utf8")).toBe("ready\ninterrupted\n");
      await start(2, stubborn);
      expect(await containers.cancelStep(2, { interruptMs: 200, terminateMs: 200 })).toMatchObject({ endedBy: "kill" });
      expect(await containers.waitStep(2)).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
      expect(await containers.cancelStep(2)).toMatchObject({ endedBy: "nothing" });
    });

    it("are told apart when they ran out of memory", async () => {
      const containers = await kit.open({ limits: { memoryBytes: 16 << 20 } });
      const spec = specOf({ entrypoint: ["sh", "-c"], command: ["exec tail /dev/zero"] });
      await containers.startStep({ stepNo: 1, spec });
      expect(await containers.waitStep(1)).toMatchObject({ exitCode: 137, isOutOfMemory: true });
      await containers.startStep({
        stepNo: 2,
        spec: specOf({ entrypoint: ["sh", "-c"], command: ["kill -9 $$; exit 137"] }),
      });
      expect((await containers.waitStep(2)).isOutOfMemory).toBeUndefined();
    });
  },
);
