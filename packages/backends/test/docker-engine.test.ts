import { readFile } from "node:fs/promises";
import { CONTAINER_ALLOWANCES_DEFAULT } from "@windrow/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findDockerEngine } from "../src/index.ts";
import { startTestEngine, type TestEngine, whyNoTestEngine } from "../src/testing.ts";
import { createDockerKit, type DockerKit, runInside, specOf } from "./docker-kit.ts";
import { waitUntil } from "./job-kit.ts";

const missing = await whyNoTestEngine();

describe.skipIf(missing !== undefined)(`an engine${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
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

  const left = async () => ({
    containers: (await engine.docker.listContainers({ all: true })).length,
    networks: (await engine.docker.listNetworks()).filter(({ Name }) => Name.startsWith("windrow-")).length,
    volumes: (await engine.docker.listVolumes()).Volumes.length,
  });
  const nothing = { containers: 0, networks: 0, volumes: 0 };

  it("is found by its socket, and missed with a sentence", async () => {
    expect(await findDockerEngine(engine.socket)).toMatchObject({ storageDriver: "overlay2" });
    expect(await findDockerEngine("unix:///nowhere/docker.sock")).toEqual({
      problem: expect.stringContaining("does not answer"),
    });
    expect(await findDockerEngine("tcp://127.0.0.1:1")).toEqual({
      problem: expect.stringContaining("is no engine of this machine"),
    });
  });

  it("gives a job a container in which its steps run, and takes it away again", async () => {
    const containers = await kit.open({ container: specOf({ env: { A: "1" } }) });
    const { job, container } = containers;
    expect(container?.facts).toMatchObject({ uid: 0, gid: 0, isMusl: false, env: { A: "1" } });
    expect(container?.facts.tools).toContain("setsid");
    expect(containers.networkPid).toBeGreaterThan(1);
    const inside = await runInside(job, 'echo "hello $X"; tr "\\0" " " </proc/1/cmdline; exit 3', { env: { X: "y" } });
    expect(inside).toEqual({ exitCode: 3, output: "hello y\n/bin/sh /__windrow/init.sh " });
    await runInside(job, "sleep 600 >/dev/null 2>&1 & true", { stepNo: 2 });
    expect(await left()).toEqual({ containers: 2, networks: 1, volumes: 0 });
    expect(await containers.close()).toEqual({ containersEnded: 2, processesEnded: 1, leftCount: 0 });
    expect(await containers.close()).toEqual({ containersEnded: 0, processesEnded: 0, leftCount: 0 });
    expect(await left()).toEqual(nothing);
  });

  it("is found again by another process with all that it has", async () => {
    const service = { ...specOf({ entrypoint: ["sleep"], command: ["600"] }), name: "other" };
    const containers = await kit.open({ container: specOf(), services: [service] });
    const spec = specOf({ entrypoint: ["sh", "-c"], command: ["echo one; sleep 1; echo two; exit 4"] });
    await containers.startStep({ stepNo: 5, spec });
    containers.detach();
    const again = await kit.anotherEngine().attach(containers.site);
    expect(again).toMatchObject({
      networkPid: containers.networkPid,
      network: containers.network,
      container: containers.container,
      services: containers.services,
    });
    await again?.startStep({ stepNo: 5, spec });
    expect(await again?.waitStep(5)).toMatchObject({ exitCode: 4, spoolBytes: 8 });
    expect(await readFile(containers.spoolPath(5), "utf8")).toBe("one\ntwo\n");
    expect((await again?.close())?.containersEnded).toBe(4);
    expect(await kit.anotherEngine().attach(containers.site)).toBeUndefined();
    expect(await kit.engine.attach((await kit.openSite()).site)).toBeUndefined();
  });

  it("takes many jobs at the same time", async () => {
    const service = { ...specOf({ command: ["sleep", "600"] }), name: "other" };
    const jobs = await Promise.all(
      Array.from({ length: 6 }, () => kit.open({ container: specOf(), services: [service] })),
    );
    const outputs = await Promise.all(
      jobs.map(async ({ job }, index) => (await runInside(job, `echo ${index}`)).output),
    );
    expect(outputs).toEqual(jobs.map((_, index) => `${index}\n`));
    expect(new Set(jobs.map(({ network }) => network)).size).toBe(6);
    const receipts = await Promise.all(jobs.map((one) => one.close()));
    expect(receipts.every(({ containersEnded, leftCount }) => containersEnded === 3 && leftCount === 0)).toBe(true);
    expect(await left()).toEqual(nothing);
  });

  it("says when the job's container ended by itself", async () => {
    const containers = await kit.open({ container: specOf() });
    expect(containers.gone.aborted).toBe(false);
    await engine.docker.getContainer(containers.container?.id ?? "").kill();
    await waitUntil("the news", async () => containers.gone.aborted);
    expect(containers.gone.reason).toMatchObject({ code: "container_gone" });
  });

  it("ends what an agent left, and leaves alone what is kept or another's", async () => {
    const kept = await kit.open({ container: specOf() });
    const lost = await kit.open({
      services: [{ ...specOf({ command: ["sleep", "600"] }), name: "a", volumes: ["data:/d"] }],
    });
    await kit.anotherEngine({ agentId: "somebody else" }).sweep(new Set());
    const before = await left();
    expect(before).toEqual({ containers: 4, networks: 2, volumes: 1 });
    expect(await kit.anotherEngine().sweep(new Set([kept.site.attemptId]))).toMatchObject({
      containersEnded: 2,
      leftCount: 0,
    });
    expect(await left()).toEqual({ containers: 2, networks: 1, volumes: 0 });
    expect(await kit.engine.endRemains(lost.site)).toMatchObject({ containersEnded: 0 });
    expect((await kit.engine.endRemains(kept.site)).containersEnded).toBe(2);
    expect(await left()).toEqual(nothing);
  });

  it("makes all or nothing", async () => {
    const container = specOf({ options: "--user no-such-user" });
    const opening = kit.open({ container, services: [{ ...specOf({ command: ["sleep", "600"] }), name: "a" }] });
    await expect(opening).rejects.toMatchObject({
      code: "container_refused",
      message: expect.stringContaining("no-such-user"),
    });
    expect(await left()).toEqual(nothing);
  });

  it("gives up when it is told to, and leaves nothing", async () => {
    const { site } = await kit.openSite();
    const abort = new AbortController();
    const service = {
      ...specOf({ command: ["sleep", "600"], options: "--health-cmd false --health-interval 60s" }),
      name: "a",
    };
    const request = {
      site,
      services: [service],
      hasOutside: true,
      limits: {},
      allowances: CONTAINER_ALLOWANCES_DEFAULT,
    };
    const opening = kit.engine.open(request, { ...kit.progress, signal: abort.signal });
    await waitUntil("the service", async () => (await left()).containers === 2);
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    expect(await left()).toEqual(nothing);
  });

  it("gives each job a network of its own out of the upper half of the range, and finds another when one is taken", async () => {
    const small = kit.anotherEngine({ subnet: "10.99.0.0/26" });
    const { progress } = kit;
    const requestOf = async () => {
      const { site } = await kit.openSite();
      return { site, services: [], hasOutside: true, limits: {}, allowances: CONTAINER_ALLOWANCES_DEFAULT };
    };
    await expect(small.open(await requestOf(), progress)).rejects.toMatchObject({ code: "network_failed" });
    // all that it could take but two
    const taken = [128, 144, 160, 192, 208, 240].map((last) => `10.99.0.${last}/28`);
    for (const [index, Subnet] of taken.entries()) {
      await engine.docker.createNetwork({ Name: `taken-${index}`, IPAM: { Driver: "default", Config: [{ Subnet }] } });
    }
    const two = kit.anotherEngine({ subnet: "10.99.0.0/24" });
    const subnets: string[] = [];
    for (const hasOutside of [true, false]) {
      const { site } = await kit.openSite();
      const request = { site, services: [], hasOutside, limits: {}, allowances: CONTAINER_ALLOWANCES_DEFAULT };
      const { network } = await two.open(request, progress);
      const { IPAM, Internal } = await engine.docker.getNetwork(network).inspect();
      expect(Internal).toBe(!hasOutside);
      subnets.push(IPAM?.Config?.[0]?.Subnet ?? "none");
    }
    expect(subnets.sort()).toEqual(["10.99.0.176/28", "10.99.0.224/28"]);
    await expect(two.open(await requestOf(), progress)).rejects.toMatchObject({ code: "engine_failed" });
  });
});
