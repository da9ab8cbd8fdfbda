import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { CONTAINER_ALLOWANCES_DEFAULT, CONTAINER_CAPABILITIES, type ContainerAllowances } from "@windrow/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ContainerSpec } from "../src/index.ts";
import { startTestEngine, type TestEngine, whyNoTestEngine } from "../src/testing.ts";
import { createDockerKit, type DockerKit, runInside, runStep, specOf } from "./docker-kit.ts";

const missing = await whyNoTestEngine();

describe.skipIf(missing !== undefined)(
  `what a workflow may have of an engine${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    let recorder: Recorder;
    let kit: DockerKit;
    beforeAll(async () => {
      engine = await startTestEngine({ networks: true, images: ["shell"] });
      recorder = await startRecorder(engine);
      kit = await createDockerKit(engine, { socket: recorder.socket });
    });
    afterEach(() => kit.endJobs());
    afterAll(async () => {
      await kit?.remove();
      await recorder?.close();
      await engine?.stop();
    });
    const openWith = (spec: Partial<ContainerSpec>, allowances: ContainerAllowances = CONTAINER_ALLOWANCES_DEFAULT) =>
      kit.open({ container: specOf(spec), allowances });

    const REFUSED: readonly (readonly [string, Partial<ContainerSpec>, string])[] = [
      ["a container that has the machine", { options: "--privileged" }, "--privileged is refused"],
      ["the machine's processes", { options: "--pid host" }, "--pid is refused"],
      ["the machine's network", { options: "--network=host" }, "--network is refused"],
      [
        "the engine's socket",
        { volumes: ["/var/run/docker.sock:/var/run/docker.sock"] },
        "is not below the job's own folder",
      ],
      ["the engine's socket as an option", { options: "-v /var/run/docker.sock:/s" }, "with the engine's socket"],
      ["the machine's folders", { volumes: ["/etc:/x:ro"] }, "is not below the job's own folder"],
      ["the folder above its own", { volumes: ["/work/../../etc:/x"] }, "without .."],
      ["a device", { options: "--device /dev/null:/dev/x" }, "--device is refused"],
      ["a capability", { options: "--cap-add SYS_ADMIN" }, "--cap-add is refused"],
      ["a folder of the engine's own", { options: "--workdir /proc/self/fd/8" }, "--workdir is refused"],
      ["an option for an image", { image: "--privileged" }, "is no name of an image"],
      ["an image with an option behind it", { image: "alpine --privileged" }, "is no name of an image"],
      ["an image of the agent's", { image: "windrow-agent/holder:1" }, "is not an image that a workflow may name"],
      ["an image by its number", { image: `sha256:${"0".repeat(64)}` }, "is not an image that a workflow may name"],
      ["a label of the farm's", { options: "--label windrow.agent=x" }, "are the farm's"],
      ["a variable without a name", { env: { "": "x" } }, "no container can have the variable"],
      ["no port", { ports: ["80:90:100:110"] }, "is no port"],
      [
        "the place of the job's own folder",
        { mounts: [{ source: "/tmp", target: "/t" }], volumes: ["a:/t"] },
        "the job's own is there",
      ],
    ];

    it.each(REFUSED)("S28: refuses %s before the engine is asked for anything", async (_what, spec, words) => {
      const before = recorder.created.length;
      await expect(openWith(spec)).rejects.toMatchObject({
        code: "container_refused",
        message: expect.stringContaining(words),
      });
      expect(recorder.created.slice(before).filter((one) => one.role === "job")).toEqual([]);
    });

    it("S28: asks the engine for exactly this", async () => {
      const odd = "line\nline \"quoted\" 'single' $(id) --privileged";
      const { site } = await openWith({
        env: { ODD: odd, "WITH-DASH": "x" },
        options: `--env "FROM_OPTIONS=a b" --cpus 1.5 --memory 64m --ulimit nofile=100 --hostname h --cap-drop CHOWN --read-only --tmpfs /scratch`,
        volumes: ["data:/data", "/cache"],
      });
      const found = recorder.created.at(-1);
      expect(found?.role).toBe("job");
      expect(found?.query).toMatch(/^name=windrow-[0-9a-f]{8}-attempt-\d+-job$/);
      expect(found?.body).toMatchObject({
        Entrypoint: ["/bin/sh", "/__windrow/init.sh"],
        Env: ["FROM_OPTIONS=a b", `ODD=${odd}`, "WITH-DASH=x"],
        Labels: { "windrow.agent": "agent-of-the-test", "windrow.attempt": site.attemptId, "windrow.role": "job" },
        HostConfig: {
          NetworkMode: expect.stringMatching(/^container:windrow-/),
          Privileged: false,
          CapDrop: ["ALL"],
          CapAdd: CONTAINER_CAPABILITIES.filter((one) => one !== "CHOWN"),
          SecurityOpt: ["no-new-privileges"],
          PidsLimit: 8192,
          Memory: 64 << 20,
          NanoCpus: 1.5e9,
          IpcMode: "private",
          ReadonlyRootfs: true,
          RestartPolicy: { Name: "no" },
          Tmpfs: { "/scratch": "" },
          Ulimits: [{ Name: "nofile", Soft: 100, Hard: 100 }],
          Mounts: [
            { Type: "volume", Target: "/data", Source: expect.stringMatching(/^windrow-.*-volume-data$/) },
            { Type: "volume", Target: "/cache", Source: "" },
            { Type: "bind", Target: "/__windrow", Source: `${site.siteDir}/door`, ReadOnly: true },
          ],
        },
      });
      expect(found?.body).not.toHaveProperty("HostConfig.PidMode");
      expect(found?.body).not.toHaveProperty("HostConfig.Devices");
      expect(found?.body).not.toHaveProperty("HostConfig.Binds");
      for (const { body } of recorder.created) {
        const { CapDrop, SecurityOpt, PidsLimit, Privileged } = body.HostConfig;
        expect({ CapDrop, SecurityOpt, hasLimit: PidsLimit > 0, isPrivileged: Privileged === true }).toEqual({
          CapDrop: ["ALL"],
          SecurityOpt: ["no-new-privileges"],
          hasLimit: true,
          isPrivileged: false,
        });
      }
    });

    it("S28: keeps the pool's limits whatever a workflow asks", async () => {
      const options = "--memory 100g --memory-swap -1 --pids-limit 100000";
      await kit.open({ container: specOf({ options }), limits: { memoryBytes: 64 << 20, processesMax: 50 } });
      expect(recorder.created.at(-1)?.body.HostConfig).toMatchObject({
        Memory: 64 << 20,
        MemorySwap: 64 << 20,
        PidsLimit: 50,
      });
    });

    it("S28: gives what an admin allowed", async () => {
      const allowances = { ...CONTAINER_ALLOWANCES_DEFAULT, isPrivileged: true, volumes: ["/srv", "/etc/hostname"] };
      const { job } = await openWith({ volumes: ["/etc/hostname:/name:ro"] }, allowances);
      expect((await runInside(job, "cat /name")).output).toBe(await readFile("/etc/hostname", "utf8"));
      await expect(openWith({ volumes: ["/etc:/x"] }, allowances)).rejects.toMatchObject({ code: "container_refused" });
      // whether the engine can do it depends on what it may do itself
      const opening = openWith({ options: "--privileged" }, allowances).catch(() => undefined);
      await opening;
      expect(recorder.created.at(-1)?.body.HostConfig).toMatchObject({ Privileged: true });
    });

    it("S27: has no rights beyond those of its user, and cannot win any", async () => {
      const { job } = await openWith({});
      const inside = await runInside(
        job,
        "grep -E 'CapEff|NoNewPrivs' /proc/self/status; mount -t tmpfs x /tmp 2>&1; echo $?",
      );
      expect(inside.output).toMatch(/CapEff:\t00000000000404fb\nNoNewPrivs:\t1\n/);
      expect(inside.output).not.toMatch(/^0$/m);
    });

    it("finds a volume's folder below the job's own, by either of its paths, and follows no link out of it", async () => {
      const { site } = await kit.openSite();
      const workspace = join(site.workDir, "workspace");
      await mkdir(join(workspace, "data"));
      await writeFile(join(workspace, "data/file"), "content\n");
      await symlink("/etc", join(workspace, "out"));
      const mounts = [{ source: workspace, target: "/__w/app/app" }];
      const request = { site, services: [], hasOutside: true, limits: {}, allowances: CONTAINER_ALLOWANCES_DEFAULT };
      const open = (volumes: string[]) =>
        kit.engine.open({ ...request, container: specOf({ mounts, volumes }) }, kit.progress);
      for (const out of [
        `${workspace}/out:/x`,
        "/__w/app/app/out:/x",
        "/__w/app/app/out/new:/x",
        `${site.siteDir}:/x`,
      ]) {
        await expect(open([out]), out).rejects.toMatchObject({ code: "container_refused" });
      }
      const containers = await open([`${workspace}/data:/a:ro`, "/__w/app/app/data:/b", "/__w/app/app/fresh:/c"]);
      const step = await runStep(containers, 1, "cat /w/data/file; ls /w", {
        mounts: [{ source: workspace, target: "/w" }],
      });
      expect(step.output.toString()).toBe("content\ndata\nfresh\nout\n");
      await containers.close();
    });
  },
);

interface CreatedContainer {
  readonly query: string;
  readonly role: string;
  readonly body: {
    readonly HostConfig: {
      readonly CapDrop?: unknown;
      readonly SecurityOpt?: unknown;
      readonly PidsLimit: number;
      readonly Privileged?: unknown;
    };
    readonly Labels: { readonly [name: string]: string };
  };
}

interface Recorder {
  /** `unix:///…`, in front of the engine's. */
  readonly socket: string;
  /** What the engine was asked to make. */
  readonly created: readonly CreatedContainer[];
  close(): Promise<void>;
}

/** Passes everything on to the engine, byte for byte, and keeps what a container is to be made of. */
async function startRecorder(engine: TestEngine): Promise<Recorder> {
  const path = join(engine.dir, "recorder.sock");
  const created: CreatedContainer[] = [];
  const server: Server = createServer((client) => {
    const upstream = createConnection(engine.socket.slice("unix://".length));
    let seen = Buffer.alloc(0);
    client.on("data", (chunk) => {
      upstream.write(chunk);
      seen = Buffer.concat([seen, chunk]);
      const [head, query] =
        /POST \S*\/containers\/create\?(\S+) (?:.|\n|\r)*?\r\n\r\n/.exec(seen.toString("latin1")) ?? [];
      const [, length] = /^content-length: (\d+)/im.exec(head ?? "") ?? [];
      const end = head === undefined ? 0 : seen.indexOf(head, 0, "latin1") + head.length - 4;
      if (query === undefined || length === undefined || seen.length < end + 4 + Number(length)) return;
      const body = JSON.parse(seen.subarray(end + 4, end + 4 + Number(length)).toString("utf8"));
      created.push({ query, role: body.Labels["windrow.role"], body });
      seen = Buffer.alloc(0);
    });
    upstream.on("data", (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("end", () => other.end());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    socket: `unix://${path}`,
    created,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
