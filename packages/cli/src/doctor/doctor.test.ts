import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkDocker } from "./check-docker.ts";
import { checkNetworks } from "./check-networks.ts";
import { checkSandbox } from "./check-sandbox.ts";
import { judgeSpace } from "./check-space.ts";

describe("sandbox", () => {
  test("a machine without bubblewrap is told what that means and what to do", async () => {
    const check = await checkSandbox("no-such-program-anywhere");
    expect(check).toMatchObject({ state: "warning", hint: expect.stringContaining("apt-get install bubblewrap") });
  });

  test("one that is there and fails is told apart from one that is missing", async () => {
    const check = await checkSandbox("false");
    expect(check).toMatchObject({ state: "warning", detail: expect.stringContaining("does not work") });
  });

  test("one that works is well", async () => {
    expect(await checkSandbox("true")).toMatchObject({ state: "ok" });
  });
});

describe("networks of jobs", () => {
  test("who is not root is told what that means for pools", async () => {
    expect(await checkNetworks({ isRoot: false })).toMatchObject({
      state: "warning",
      hint: expect.stringContaining("--farm-access on"),
    });
  });

  test("a machine without the programs is told their packages", async () => {
    expect(await checkNetworks({ isRoot: true, folders: ["/nonexistent"] })).toMatchObject({
      state: "warning",
      hint: "apt-get install iproute2 iptables util-linux",
    });
  });
});

describe("docker", () => {
  test("an engine that answers tells its version", async () => {
    const engine = createServer((_, response) => response.end('{"Version": "20.10.24"}'));
    await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void engine.close());
    const address = engine.address();
    const port = typeof address === "object" ? address?.port : undefined;
    expect(await checkDocker(`tcp://127.0.0.1:${port}`)).toMatchObject({
      state: "ok",
      detail: "the engine answers (20.10.24)",
    });
  });

  test("one that does not answer where DOCKER_HOST says is worth a look", async () => {
    const check = await checkDocker(`unix://${join(import.meta.dirname, "no-such-socket")}`);
    expect(check).toMatchObject({ state: "warning", detail: expect.stringContaining("ENOENT") });
  });
});

test.each([
  [20 * 1024 ** 3, "ok"],
  [0.5 * 1024 ** 3, "warning"],
])("%d bytes of room are %s", (bytes, state) => expect(judgeSpace(bytes, "/here").state).toBe(state));
