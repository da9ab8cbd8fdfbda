import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeUser } from "@nats-io/jwt";
import { createUser, fromSeed } from "@nats-io/nkeys";
import { connect, jwtAuthenticator, type NatsConnection } from "nats";
import { afterEach, expect, it } from "vitest";
import { readEmbeddedPlaces } from "../src/config.ts";
import { decodeNatsKeys, type NatsKeys, writeNatsConfig } from "../src/index.ts";
import { findNatsServer } from "../src/nats/find-nats-server.ts";
import { findFreePort } from "../src/testing.ts";

const folder = mkdtempSync(join(tmpdir(), "windrow-nats-config-"));
const bytes = (text: string) => new TextEncoder().encode(text);
const connections: NatsConnection[] = [];
let server: ChildProcess | undefined;

afterEach(async () => {
  for (const connection of connections) await connection.close();
  if (server?.exitCode === null && server.kill("SIGTERM")) await once(server, "exit");
  rmSync(folder, { recursive: true, force: true });
});

async function connectAs(port: number, user: { jwt: string; seed: string; name: string }): Promise<NatsConnection> {
  const authenticator = jwtAuthenticator(user.jwt, bytes(user.seed));
  const servers = `nats://127.0.0.1:${port}`;
  const connection = await connect({ servers, authenticator, inboxPrefix: `_INBOX.${user.name}`, reconnect: false });
  connections.push(connection);
  return connection;
}

async function makeAgent(keys: NatsKeys) {
  const user = createUser();
  const signer = fromSeed(bytes(keys.agentSigningSeed));
  const jwt = await encodeUser("a1", user, signer, { issuer_account: keys.accountPublicKey }, { scopedUser: true });
  return { jwt, seed: new TextDecoder().decode(user.getSeed()), name: "a1" };
}

it("makes keys and a folder with which any nats-server serves the farm, wherever the folder was moved", async () => {
  const port = await findFreePort();
  const moved = join(folder, "elsewhere");
  const given = { outDir: join(folder, "out"), listenAddress: "127.0.0.1", port, serverDir: moved };
  const written = await writeNatsConfig(given);
  expect(statSync(written.keysFile).mode & 0o777).toBe(0o600);
  const text = readFileSync(written.keysFile, "utf8");
  const keys = decodeNatsKeys(text, written.keysFile);
  const config = readFileSync(written.configFile, "utf8");
  for (const [name, value] of Object.entries(keys)) if (name.endsWith("Seed")) expect(config).not.toContain(value);

  await writeNatsConfig(given);
  expect(readFileSync(written.keysFile, "utf8")).toBe(text);

  renameSync(written.serverDir, moved);
  const binary = await findNatsServer(readEmbeddedPlaces(process.env), () => undefined);
  server = spawn(binary, ["-c", join(moved, "nats.conf")], { stdio: "ignore" });
  await expect
    .poll(
      () =>
        connectAs(port, { jwt: keys.controllerUserJwt, seed: keys.controllerUserSeed, name: "c" }).then(
          () => true,
          String,
        ),
      {
        timeout: 10_000,
      },
    )
    .toBe(true);
  const [controller] = connections;
  const agent = await connectAs(port, await makeAgent(keys));
  agent.subscribe("wr.agent.a1.offer", { callback: (_error, message) => void message.respond(bytes("accept")) });
  await agent.flush();
  const answer = await controller?.request("wr.agent.a1.offer", bytes("offer"), { timeout: 2_000 });
  expect(answer?.string()).toBe("accept");
  await expect(connect({ servers: `nats://127.0.0.1:${port}`, reconnect: false })).rejects.toThrow(/Authorization/);
});
