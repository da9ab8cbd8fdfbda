import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { JobContainers } from "../src/index.ts";
import {
  startTestEngine,
  startTestRegistry,
  TEST_IMAGES,
  type TestEngine,
  type TestRegistry,
  whyNoTestEngine,
  whyNoTestRegistry,
} from "../src/testing.ts";
import { createDockerKit, type DockerKit, runInside, runStep, specOf } from "./docker-kit.ts";

const missing = await whyNoTestEngine();
const noRegistry = whyNoTestRegistry();

describe.skipIf(missing !== undefined)(`images of jobs${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let engine: TestEngine;
  let kit: DockerKit;
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "windrow-context-"));
    engine = await startTestEngine({ networks: true, images: ["shell"] });
    kit = await createDockerKit(engine);
  });
  afterEach(() => kit.endJobs());
  afterAll(async () => {
    await kit?.remove();
    await engine?.stop();
    await rm(root, { recursive: true, force: true });
  });
  const saidSince = (count: number) => kit.said.slice(count).join("\n");
  const names = async () => (await engine.docker.listImages()).flatMap((one) => one.RepoTags ?? []);

  describe.skipIf(noRegistry !== undefined)(
    `from a registry${noRegistry === undefined ? "" : ` (skipped: ${noRegistry})`}`,
    () => {
      const credentials = { username: "somebody", password: "sesame" };
      let open: TestRegistry;
      let closed: TestRegistry;
      beforeAll(async () => {
        open = await startTestRegistry(engine);
        closed = await startTestRegistry(engine, { port: 5001, credentials });
      });
      afterAll(async () => {
        await open?.stop();
        await closed?.stop();
      });

      it("are pulled with a word about it, once for a while, and by digest only when they are not there", async () => {
        const image = await open.publish("shell", "team/app");
        let before = kit.said.length;
        const containers = await kit.open({ container: specOf({ image }) });
        expect((await runInside(containers.job, "echo works")).output).toBe("works\n");
        expect(saidSince(before)).toMatch(
          /^Pulling 127\.0\.0\.1:5000\/team\/app:1\nPulled .* \(sha256:[0-9a-f]{64}\) in [\d.]+ s$/m,
        );
        const pulled = await containers.pullImage(image, kit.progress);
        expect(pulled).toEqual({ id: expect.stringMatching(/^sha256:/), digest: expect.stringMatching(/^sha256:/) });
        before = kit.said.length;
        await containers.pullImage(image, kit.progress);
        await containers.pullImage(`${open.host}/team/app@${pulled.digest}`, kit.progress);
        expect(saidSince(before)).toBe("");
        // another process of the agent asks the registry again
        const again = await kit.anotherEngine().attach(containers.site);
        await again?.pullImage(image, kit.progress);
        expect(saidSince(before)).toMatch(/^Pulled /m);
        await again?.close();
      });

      it("S36: that need credentials are pulled with them, and stay closed to whoever has none", async () => {
        const image = await closed.publish("shell", "team/secret");
        await expect(kit.open({ container: specOf({ image }) })).rejects.toMatchObject({ code: "image_missing" });
        const wrong = { ...credentials, password: "wrong" };
        await expect(kit.open({ container: specOf({ image, credentials: wrong }) })).rejects.toMatchObject({
          code: "image_missing",
        });
        const containers = await kit.open({ container: specOf({ image, credentials }) });
        expect((await runInside(containers.job, "echo works")).output).toBe("works\n");
        // it is on the machine now, and that opens it to nobody
        expect(await names()).not.toContain(image);
        await expect(kit.open({ container: specOf({ image }) })).rejects.toMatchObject({ code: "image_missing" });
        await expect(containers.pullImage(image, kit.progress)).rejects.toMatchObject({ code: "image_missing" });
        const admin = kit.anotherEngine({ registryAuth: { [closed.host]: credentials } });
        const again = await admin.attach(containers.site);
        expect(await again?.pullImage(image, kit.progress)).toMatchObject({ digest: expect.any(String) });
        await again?.close();
      });

      it("that a registry does not have are missing, unless the machine has them", async () => {
        const image = `${open.host}/team/nothing:1`;
        await expect(kit.open({ container: specOf({ image }) })).rejects.toMatchObject({
          code: "image_missing",
          message: expect.stringMatching(/team\/nothing:1 could not be pulled: .*(not found|unknown)/),
        });
        await engine.docker.getImage(TEST_IMAGES.shell).tag({ repo: `${open.host}/team/nothing`, tag: "1" });
        const before = kit.said.length;
        await kit.open({ container: specOf({ image }) });
        expect(saidSince(before)).toMatch(/the one that is on this machine is used/);
      });

      it("are dropped when they were not used for longest, never while a job has them, and never others'", async () => {
        const small = await createDockerKit(engine);
        await engine.addImage("busybox");
        const first = await open.publish("shell", "drop/first");
        const second = await open.publish("busybox", "drop/second");
        expect(await small.engine.imageBytes()).toBe(0);
        // what is there under another name brings no bytes
        await engine.docker.getImage(TEST_IMAGES.busybox).remove();
        const job = await small.open();
        await job.pullImage(first, small.progress);
        await job.pullImage(second, small.progress);
        const bytes = await small.engine.imageBytes();
        expect(bytes).toBeGreaterThan(1_000_000);
        expect(await small.engine.dropImages(0)).toEqual({ droppedCount: 0, bytes });
        await job.close();
        expect(await small.anotherEngine().imageBytes()).toBe(bytes);
        expect(await small.engine.dropImages(bytes)).toEqual({ droppedCount: 0, bytes });
        expect(await small.engine.dropImages(0)).toMatchObject({ bytes: 0 });
        expect(await names()).not.toContain(second);
        expect(await names()).toContain(TEST_IMAGES.shell);
        await small.remove();
      });
    },
  );

  it("from a registry that cannot be reached are asked for again, and then a fault of the world", async () => {
    const before = kit.said.length;
    const image = "127.0.0.1:9/team/app:1";
    await expect(kit.open({ container: specOf({ image }) })).rejects.toMatchObject({ code: "engine_failed" });
    expect(saidSince(before).match(/failed, again in/g)).toHaveLength(3);
    await engine.docker.getImage(TEST_IMAGES.shell).tag({ repo: "127.0.0.1:9/team/app", tag: "1" });
    await kit.open({ container: specOf({ image }) });
    expect(saidSince(before)).toMatch(/the one that is on this machine is used/);
  });

  describe("of Docker actions", () => {
    const makeContext = async (name: string, files: Readonly<Record<string, string>>) => {
      const dir = join(root, name);
      for (const [file, content] of Object.entries(files)) {
        await mkdir(join(dir, file, ".."), { recursive: true });
        await writeFile(join(dir, file), content);
      }
      return dir;
    };
    const build = (containers: JobContainers, contextDir: string, dockerfile = "Dockerfile", args = {}) =>
      containers.buildImage({ contextDir, dockerfile, args }, kit.progress);
    const dockerfile = `FROM ${TEST_IMAGES.shell}\nARG WORD=none\nCOPY . /app\nRUN echo "the word is $WORD"\nENTRYPOINT ["/app/run.sh"]\n`;

    it("are built once for the same content, whoever wrote it and when", async () => {
      const containers = await kit.open();
      const long = `${"deep/".repeat(30)}${"n".repeat(80)}`;
      const files = { Dockerfile: dockerfile, "run.sh": '#!/bin/sh\necho "ran $1"\n', [long]: "x", ünïcode: "y" };
      const one = await makeContext("one", files);
      await chmod(join(one, "run.sh"), 0o755);
      await symlink("/etc/passwd", join(one, "link"));
      await mkdir(join(one, ".git"));
      await writeFile(join(one, ".git/config"), "[remote]\n");
      const two = await makeContext("two", files);
      await chmod(join(two, "run.sh"), 0o700);
      await symlink("/etc/passwd", join(two, "link"));
      const before = kit.said.length;
      const built = await Promise.all([
        build(containers, one, "Dockerfile", { WORD: "sesame" }),
        build(containers, two),
      ]);
      expect(built[0].id).toBe(built[1].id);
      expect(saidSince(before).match(/the word is (sesame|none)$/gm)).toHaveLength(1);
      expect(saidSince(before)).toMatch(/was built before/);
      const id = built[0].id;
      const ran = await runStep(containers, 1, "", { image: id, entrypoint: undefined, command: ["well"] });
      expect(ran.output.toString()).toBe("ran well\n");
      const look = `readlink /app/link; cat /app/${long}; cat /app/ünïcode; ls -A /app | grep -c git`;
      expect((await runStep(containers, 2, look, { image: id })).output.toString()).toBe("/etc/passwd\nxy0\n");
      await writeFile(join(two, "run.sh"), "#!/bin/sh\necho changed\n");
      expect((await build(containers, two)).id).not.toBe(id);
      expect(await kit.engine.imageBytes()).toBeGreaterThan(1_000_000);
    });

    it("that cannot be built are the workflow's fault, with the output told", async () => {
      const containers = await kit.open();
      const dir = await makeContext("broken", { Dockerfile: `FROM ${TEST_IMAGES.shell}\nRUN echo before; exit 3\n` });
      const before = kit.said.length;
      await expect(build(containers, dir)).rejects.toMatchObject({
        code: "container_refused",
        message: expect.stringContaining("returned a non-zero code: 3"),
      });
      expect(saidSince(before)).toMatch(/^before$/m);
      await expect(build(containers, dir, "../Dockerfile")).rejects.toMatchObject({ code: "container_refused" });
      await symlink("/etc/passwd", join(dir, "Elsewhere"));
      await expect(build(containers, dir, "Elsewhere")).rejects.toMatchObject({ code: "container_refused" });
    });

    it("S28: build on nothing that another job's password opened, neither by name nor by number nor by what their base does", async () => {
      const containers = await kit.open();
      const { docker } = engine;
      const { Id } = await docker.getImage(TEST_IMAGES.shell).inspect();
      await docker.getImage(TEST_IMAGES.shell).tag({ repo: "windrow-agent/private", tag: "other" });
      const number = Id.replace("sha256:", "");
      const copies = await docker.createContainer({ Image: TEST_IMAGES.shell, Cmd: ["true"] });
      await copies.commit({
        repo: "copies",
        tag: "1",
        changes: `ONBUILD COPY --from=${number.slice(0, 8)} /bin /stolen`,
      });
      await copies.remove();
      for (const [at, from] of [Id, number, number.slice(0, 2), "windrow-agent/private:other", "copies:1"].entries()) {
        const dir = await makeContext(`from-${at}`, { Dockerfile: `FROM ${from}\nRUN true\n` });
        await expect(build(containers, dir), from).rejects.toMatchObject({ code: "container_refused" });
      }
    });

    it("build on the job's network, not on the machine's", async () => {
      const containers = await kit.open({ hasOutside: false });
      const dir = await makeContext("network", {
        Dockerfile: `FROM ${TEST_IMAGES.shell}\nRUN readlink /proc/self/ns/net\n`,
      });
      const before = kit.said.length;
      await build(containers, dir);
      const own = await runStep(containers, 1, "readlink /proc/self/ns/net");
      expect(saidSince(before)).toContain(own.output.toString().trim());
    });
  });
});
