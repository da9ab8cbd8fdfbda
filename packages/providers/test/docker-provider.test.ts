import { startTestEngine, TEST_IMAGES, type TestEngine, whyNoTestEngine } from "@windrow/backends/testing";
import { systemClock } from "@windrow/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDockerProvider, createProvider } from "../src/index.ts";
import { describeConformance } from "./conformance.ts";

const missing = await whyNoTestEngine();
if (missing !== undefined) process.stderr.write(`skipped: the tests of the docker provider: ${missing}\n`);

const FARM = "0197c0de-0000-7000-8000-000000000001";
const never = new AbortController().signal;
const request = {
  name: "python-1",
  pool: "python",
  url: "http://127.0.0.1:1",
  joinToken: "wrj_secret-of-the-machine",
  slots: 2,
  isEphemeral: true,
};

describe.skipIf(missing !== undefined)(`with an engine${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ images: ["agent"] });
  });
  afterAll(() => engine?.stop());

  const settings = () =>
    ({ kind: "docker", socket: engine.socket, image: TEST_IMAGES.agent, network: "none" }) as const;
  const host = { farmId: FARM, dir: "/nowhere", environment: {} };
  const open = (over: object = {}) =>
    createDockerProvider({ farmId: FARM, settings: { ...settings(), ...over }, endGraceMs: 1_000 });
  const nameOf = (machine: string) => `windrow-0197c0de-${machine}`;

  describeConformance({
    name: "docker",
    settings,
    host: () => host,
    endByItself: (name) => engine.docker.getContainer(nameOf(name)).kill(),
    findLeftovers: async () =>
      (await engine.docker.listContainers({ all: true })).map((container) => container.Names.join()),
    wrong: () => ({ settings: { ...settings(), network: "no-such-network" }, host }),
  });

  it("limits the container, labels it, restarts it never, and shows no token", async () => {
    const provider = open({ memoryBytes: 64 * 1024 * 1024, cpus: 0.5 });
    await provider.create(request, never);
    const found = await engine.docker.getContainer(nameOf("python-1")).inspect();
    expect(found.Config.Labels).toMatchObject({
      "windrow.farm": FARM,
      "windrow.pool": "python",
      "windrow.machine": "python-1",
    });
    expect(found.HostConfig).toMatchObject({
      Memory: 64 * 1024 * 1024,
      MemorySwap: 64 * 1024 * 1024,
      NanoCpus: 500_000_000,
      NetworkMode: "none",
      Privileged: false,
      RestartPolicy: { Name: "no" },
      SecurityOpt: ["no-new-privileges"],
    });
    expect(found.Config.Env).toEqual(
      expect.arrayContaining([
        "WINDROW_URL=http://127.0.0.1:1",
        "WINDROW_JOIN_TOKEN_FILE=/run/windrow/join-token",
        "WINDROW_AGENT_NAME=python-1",
        "WINDROW_AGENT_SLOTS=2",
        "WINDROW_AGENT_ONCE=1",
      ]),
    );
    expect(JSON.stringify(found)).not.toContain("wrj_");
    const archive = await engine.docker
      .getContainer(nameOf("python-1"))
      .getArchive({ path: "/run/windrow/join-token" });
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(Buffer.from(chunk));
    const tar = Buffer.concat(chunks);
    expect(tar.toString("latin1")).toContain("wrj_secret-of-the-machine\n");
    expect(tar.toString("latin1", 104, 107)).toBe("400");
    await provider.destroy("python-1", never);
  });

  it("tells the last words of a container", async () => {
    const provider = open();
    await provider.create(request, never);
    let words = "";
    for (let tries = 0; words === "" && tries < 200; tries++) words = await provider.readLastWords("python-1", never);
    expect(words).toBe("working");
    await provider.destroy("python-1", never);
    expect(await provider.readLastWords("python-1", never)).toBe("");
  });

  it("leaves machines of other farms alone, and takes no other container for its own", async () => {
    const other = createDockerProvider({ farmId: "other-farm", settings: settings(), endGraceMs: 0 });
    await other.create(request, never);
    expect(await open().list(never)).toEqual([]);
    await open().destroy("python-1", never);
    expect(await other.list(never)).toHaveLength(1);
    await other.destroy("python-1", never);

    const foreign = await engine.docker.createContainer({ name: nameOf("python-1"), Image: TEST_IMAGES.agent });
    await expect(open().create(request, never)).rejects.toMatchObject({ retryable: false });
    await expect(open().destroy("python-1", never)).rejects.toMatchObject({ retryable: false });
    await foreign.remove();
  });

  it("says in the engine's words why an image cannot be had", async () => {
    const error: unknown = await open({ image: "127.0.0.1:1/no/such:image" })
      .create(request, never)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "provider", retryable: true });
    expect(String(error)).toMatch(/the image 127\.0\.0\.1:1\/no\/such:image could not be pulled: .*connection refused/);
    const wrong: unknown = await open({ image: "NOT AN IMAGE" })
      .create(request, never)
      .catch((thrown: unknown) => thrown);
    expect(wrong).toMatchObject({ code: "provider", retryable: false });
    expect(String(wrong)).toContain("invalid reference format");
  });

  it("removes a container that is running out of its time by force", async () => {
    const provider = open();
    await provider.create(request, never);
    await provider.destroy("python-1", never);
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  });
});

describe("provider docker, without an engine", () => {
  const provide = (socket: string) =>
    createProvider(
      { kind: "docker", socket, image: "any" },
      {
        farmId: FARM,
        dir: "/nowhere",
        environment: {},
        clock: systemClock,
      },
    );

  it("says that the engine does not answer, which passes", async () => {
    await expect(provide("unix:///nowhere/docker.sock").list(never)).rejects.toMatchObject({
      code: "provider",
      retryable: true,
      message: expect.stringContaining("Docker at unix:///nowhere/docker.sock does not answer"),
    });
    await expect(provide("tcp://127.0.0.1:1").list(never)).rejects.toMatchObject({ code: "provider", retryable: true });
  });

  it.each(["", "docker.sock", "http://x", "unix://"])("refuses the address %j", (socket) => {
    expect(() => provide(socket)).toThrow("is no address of a Docker engine");
  });
});
