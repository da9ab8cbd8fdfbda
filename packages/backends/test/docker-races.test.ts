import { mkdir, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { CONTAINER_ALLOWANCES_DEFAULT } from "@windrow/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { JobContainersRequest, JobSite } from "../src/index.ts";
import { startTestEngine, TEST_IMAGES, type TestEngine, whyNoTestEngine } from "../src/testing.ts";
import { createDockerKit, type DockerKit, runInside, specOf } from "./docker-kit.ts";
import { waitUntil } from "./job-kit.ts";

const missing = await whyNoTestEngine();

describe.skipIf(missing !== undefined)(
  `containers that are ended while they are made${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    let gate: Gate;
    let kit: DockerKit;
    beforeAll(async () => {
      engine = await startTestEngine({ networks: true, images: ["shell"] });
      gate = await openGate(engine);
      kit = await createDockerKit(engine, { socket: gate.socket, answerMsMax: 5_000 });
    });
    afterEach(async () => {
      gate.release();
      await kit.endJobs();
    });
    afterAll(async () => {
      await kit?.remove();
      await gate?.close();
      await engine?.stop();
    });

    const left = async () => ({
      containers: (await engine.docker.listContainers({ all: true })).length,
      networks: (await engine.docker.listNetworks()).filter(({ Name }) => Name.startsWith("windrow-")).length,
    });
    const requestOf = (site: JobSite): JobContainersRequest => ({
      site,
      services: [],
      hasOutside: true,
      limits: {},
      allowances: CONTAINER_ALLOWANCES_DEFAULT,
    });
    const sleeping = specOf({ entrypoint: ["sleep"], command: ["600"] });

    it("leave no network when the job is cancelled while the engine makes it", async () => {
      const { site } = await kit.openSite();
      const abort = new AbortController();
      const held = gate.hold(/^POST \S*\/networks\/create/);
      const opening = kit.engine.open(requestOf(site), { ...kit.progress, signal: abort.signal });
      opening.catch(() => undefined);
      await held;
      abort.abort(new Error("enough"));
      gate.release();
      await expect(opening).rejects.toThrow("enough");
      await waitUntil("no call under way", async () => gate.openCount === 0);
      expect(await left()).toEqual({ containers: 0, networks: 0 });
    });

    it("leave no container of a step that begins while the job is closed", async () => {
      const containers = await kit.open();
      const held = gate.hold(/^POST \S*\/containers\/create/);
      const starting = containers.startStep({ stepNo: 1, spec: sleeping });
      starting.catch(() => undefined);
      await held;
      const closing = containers.close();
      gate.release();
      await expect(starting).rejects.toMatchObject({ code: "container_gone" });
      expect(await closing).toMatchObject({ containersEnded: 2, leftCount: 0 });
      await expect(containers.startStep({ stepNo: 2, spec: sleeping })).rejects.toMatchObject({
        code: "container_gone",
      });
      expect(await left()).toEqual({ containers: 0, networks: 0 });
    });

    it("are ended once by several who end them at the same time", async () => {
      const containers = await kit.open({
        container: specOf(),
        services: ["a", "b"].map((name) => ({ ...sleeping, name })),
      });
      const receipts = await Promise.all([
        containers.close(),
        containers.close(),
        kit.engine.endRemains(containers.site),
      ]);
      expect(receipts.map(({ containersEnded }) => containersEnded).sort()).toEqual([0, 0, 4]);
      expect(receipts.every(({ leftCount }) => leftCount === 0)).toBe(true);
      expect(await left()).toEqual({ containers: 0, networks: 0 });
    });

    it("are opened anew for the same job when the agent died before it wrote down that it had", async () => {
      const before = await kit.open({ container: specOf() });
      const { site } = before;
      before.detach();
      const next = kit.anotherEngine();
      await next.endRemains(site);
      const again = await next.open({ ...requestOf(site), container: specOf() }, kit.progress);
      expect(await runInside(before.job, "echo works")).toEqual({ exitCode: 0, output: "works\n" });
      await again.close();
    });

    it("hold nobody for ever whose engine does not answer any more", async () => {
      const containers = await kit.open();
      const hasty = await kit.anotherEngine({ answerMsMax: 300 }).attach(containers.site);
      containers.detach();
      await hasty?.startStep({ stepNo: 1, spec: sleeping });
      void gate.hold(/^/);
      const waiting = hasty?.waitStep(1);
      waiting?.catch(() => undefined);
      await expect(hasty?.cancelStep(1, { interruptMs: 10, terminateMs: 10 })).rejects.toThrow();
      await expect(hasty?.close()).rejects.toMatchObject({ code: "engine_failed" });
      await expect(waiting).rejects.toThrow();
    });

    it("are built by one of those who wait when the first one gives up", async () => {
      const containers = await kit.open();
      const dir = join(engine.dir, "context");
      await mkdir(dir);
      await writeFile(join(dir, "Dockerfile"), `FROM ${TEST_IMAGES.shell}\nRUN echo "be""gins"; sleep 1\n`);
      const abort = new AbortController();
      const count = kit.said.length;
      const said = (line: string) => kit.said.slice(count).filter((one) => one === line).length;
      const build = (signal: AbortSignal) =>
        containers.buildImage({ contextDir: dir, dockerfile: "Dockerfile" }, { ...kit.progress, signal });
      const first = build(abort.signal);
      first.catch(() => undefined);
      await waitUntil("the first build", async () => said("begins") === 1);
      const others = Array.from({ length: 3 }, () => build(kit.progress.signal));
      await waitUntil("the others", async () => said("The image is being built for another job") === 3);
      abort.abort(new Error("enough"));
      await expect(first).rejects.toThrow("enough");
      expect(new Set((await Promise.all(others)).map(({ id }) => id)).size).toBe(1);
      expect(said("begins")).toBe(2);
    });
  },
);

interface Gate {
  /** `unix:///…`, in front of the engine's. */
  readonly socket: string;
  /** Connections of whoever asks. */
  readonly openCount: number;
  /** Calls that begin like this are kept back from now on; there when the first one is. */
  hold(head: RegExp): Promise<void>;
  /** Passes on what was kept back. */
  release(): void;
  close(): Promise<void>;
}

/** Passes everything on to the engine, byte for byte, and calls that are held later. */
async function openGate(engine: TestEngine): Promise<Gate> {
  const path = join(engine.dir, "gate.sock");
  const sockets = new Set<Socket>();
  const kept: (() => void)[] = [];
  let wanted: { readonly head: RegExp; readonly seen: () => void } | undefined;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = createConnection({ path: engine.socket.slice("unix://".length), allowHalfOpen: true });
    let isKept = false;
    client.on("data", (chunk) => {
      if (!isKept && wanted?.head.test(chunk.toString("latin1")) !== true) return upstream.write(chunk);
      isKept = true;
      kept.push(() => {
        isKept = false;
        upstream.write(chunk);
      });
      wanted?.seen();
    });
    upstream.on("data", (chunk) => client.write(chunk));
    client.on("end", () => (isKept ? kept.push(() => upstream.end()) : upstream.end()));
    upstream.on("end", () => client.end());
    for (const one of [client, upstream]) {
      sockets.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => sockets.delete(one));
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    socket: `unix://${path}`,
    get openCount() {
      return sockets.size;
    },
    hold: (head) =>
      new Promise((seen) => {
        wanted = { head, seen };
      }),
    release() {
      wanted = undefined;
      for (const pass of kept.splice(0)) pass();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
