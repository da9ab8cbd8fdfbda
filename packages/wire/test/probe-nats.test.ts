import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, startTestNats, type TestNats } from "@windrow/embedded/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { probeNats, readNatsKeys } from "../src/index.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.remove());

test("a farm's own nats-server refuses strangers and foreign subjects, and listens for clients only", async () => {
  const keys = await readNatsKeys(nats.keysFile);
  const probe = await probeNats({ urls: [nats.url], keys });
  expect(probe).toMatchObject({ isOpenToStrangers: false, leaks: [] });
  expect(probe.servers).toHaveLength(1);
  expect(probe.servers[0]).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/), otherListeners: [] });
});

test("listeners that somebody added are seen", async () => {
  const keys = await readNatsKeys(nats.keysFile);
  const command = readFileSync(`/proc/${nats.pid}/cmdline`, "latin1").split("\0");
  const configFile = command[command.indexOf("-c") + 1] ?? "";
  const dir = mkdtempSync(join(tmpdir(), "windrow-probe-nats-"));
  const [port, monitorPort, leafPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const config = readFileSync(configFile, "utf8")
    .replace(/^listen: .*$/m, `listen: "127.0.0.1:${port}"`)
    .replace(/^pid_file: .*$/m, "");
  writeFileSync(
    join(dir, "nats.conf"),
    `${config}\nhttp: "127.0.0.1:${monitorPort}"\nleafnodes: { listen: "127.0.0.1:${leafPort}" }\n`,
  );
  const server = spawn(command[0] ?? "", ["-c", join(dir, "nats.conf")], { stdio: "ignore" });
  onTestFinished(async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    rmSync(dir, { recursive: true, force: true });
  });
  await waitUntilItListens(port);
  const probe = await probeNats({ urls: [`nats://127.0.0.1:${port}`], keys });
  expect(probe.servers[0]?.otherListeners).toEqual(["http_port", "leaf"]);
});

test("a server that ends the probe's connection leaves nothing waiting", async () => {
  const keys = await readNatsKeys(nats.keysFile);
  // a credential that no template stands behind may not subscribe at all: the server hangs up
  const probe = await probeNats({ urls: [nats.url], keys: { ...keys, agentSigningSeed: keys.accountSeed } });
  expect(probe.leaks).toEqual([]);
});

/** A server that says hello is there. */
async function waitUntilItListens(port: number): Promise<void> {
  for (let look = 0; look < 200; look++) {
    const socket = dial(port, "127.0.0.1");
    try {
      await once(socket, "data");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      socket.destroy();
    }
  }
  throw new Error("nats-server did not come up");
}
