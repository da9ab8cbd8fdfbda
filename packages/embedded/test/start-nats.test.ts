import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeAccount, encodeUser } from "@nats-io/jwt";
import { createUser, fromSeed } from "@nats-io/nkeys";
import { createLogger } from "@windrow/service";
import { connect, jwtAuthenticator, type NatsConnection } from "nats";
import { afterEach, describe, expect, it } from "vitest";
import { findPortOwner, type NatsKeys, type RunningNats, startNats } from "../src/index.ts";
import { isProcessAlive } from "../src/process/process-facts.ts";
import { findFreePort } from "../src/testing.ts";

const logger = createLogger({ component: "test", level: "silent" });
const folders: string[] = [];
const servers: RunningNats[] = [];
const connections: NatsConnection[] = [];
const bytes = (text: string) => new TextEncoder().encode(text);

async function start(given: { dataDir?: string; port?: number } = {}): Promise<RunningNats & { dataDir: string }> {
  const dataDir = given.dataDir ?? mkdtempSync(join(tmpdir(), "windrow-nats-test-"));
  folders.push(dataDir);
  const server = await startNats({ dataDir, port: given.port ?? (await findFreePort()), logger });
  servers.push(server);
  return { ...server, dataDir };
}

async function connectAs(server: RunningNats, user: { jwt: string; seed: string; name: string }) {
  const connection = await connect({
    servers: server.url,
    authenticator: jwtAuthenticator(user.jwt, bytes(user.seed)),
    inboxPrefix: `_INBOX.${user.name}`,
    reconnect: false,
  });
  connections.push(connection);
  return connection;
}

function connectController(server: RunningNats) {
  const { controllerUserJwt: jwt, controllerUserSeed: seed } = server.keys;
  return connectAs(server, { jwt, seed, name: "controller" });
}

async function issueAgent(keys: NatsKeys, name: string) {
  const user = createUser();
  const signer = fromSeed(bytes(keys.agentSigningSeed));
  const jwt = await encodeUser(name, user, signer, { issuer_account: keys.accountPublicKey }, { scopedUser: true });
  return { jwt, seed: new TextDecoder().decode(user.getSeed()), name, publicKey: user.getPublicKey() };
}

async function firstPermissionError(connection: NatsConnection): Promise<string> {
  for await (const event of connection.status()) {
    if (event.type === "error" && event.permissionContext) {
      return `${event.permissionContext.operation} ${event.permissionContext.subject}`;
    }
  }
  return "the connection was closed";
}

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close();
  for (const server of servers.splice(0)) await server.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe("the embedded nats-server", () => {
  it("carries an offer from the controller to an agent and the answer back", async () => {
    const server = await start();
    const controller = await connectController(server);
    const agent = await connectAs(server, await issueAgent(server.keys, "a1"));
    agent.subscribe("wr.agent.a1.offer", { callback: (_error, message) => void message.respond(bytes("accept")) });
    await agent.flush();
    const answer = await controller.request("wr.agent.a1.offer", bytes("offer"), { timeout: 2_000 });
    expect(answer.string()).toBe("accept");
    expect(statSync(server.keysFile).mode & 0o777).toBe(0o600);
  });

  it("lets an agent use no subject but its own", async () => {
    const server = await start();
    const user = await issueAgent(server.keys, "a1");
    for (const subject of ["wr.agent.a2.offer", "wr.agent.*.offer", ">", "_INBOX.>", "$JS.EVENT.>", "$SYS.>"]) {
      const agent = await connectAs(server, user);
      const refusal = firstPermissionError(agent);
      agent.subscribe(subject, { callback: () => undefined });
      expect(await refusal).toBe(`subscription ${subject}`);
    }
    for (const subject of ["wr.agent.a2.up.x", "wr.agent.a1.offer", "$JS.API.STREAM.LIST", "$SYS.REQ.SERVER.PING"]) {
      const agent = await connectAs(server, user);
      const refusal = firstPermissionError(agent);
      agent.publish(subject, bytes("x"));
      expect(await refusal).toBe(`publish ${subject}`);
    }
  });

  it("refuses a user that the farm's keys did not sign, and one without credentials", async () => {
    const server = await start();
    const other = await start();
    await expect(connectAs(server, await issueAgent(other.keys, "a1"))).rejects.toThrow(/Authorization/);
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/Authorization/);
  });

  it("keeps credentials and revocations over a restart", async () => {
    const first = await start();
    const { dataDir, keys, port } = first;
    const kept = await issueAgent(keys, "a1");
    const revoked = await issueAgent(keys, "a2");
    const system = await connectAs(first, { jwt: keys.systemUserJwt, seed: keys.systemUserSeed, name: "system" });
    const claims = JSON.parse(Buffer.from(keys.accountJwt.split(".")[1] ?? "", "base64url").toString());
    const account = { ...claims.nats, revocations: { [revoked.publicKey]: Math.floor(Date.now() / 1_000) + 1 } };
    const signer = fromSeed(bytes(keys.operatorSeed));
    const update = await encodeAccount("farm", fromSeed(bytes(keys.accountSeed)), account, { signer });
    const answer = await system.request("$SYS.REQ.CLAIMS.UPDATE", bytes(update), { timeout: 2_000 });
    expect(answer.string()).toContain('"code":200');
    await first.stop();
    expect(isProcessAlive(first.pid)).toBe(false);

    const second = await start({ dataDir, port });
    expect(second.keys).toEqual(keys);
    await connectAs(second, kept);
    await expect(connectAs(second, revoked)).rejects.toThrow(/Authorization/);
  });

  it("adopts the server a dead start left on the same port, and ends one left on another port", async () => {
    const first = await start();
    const again = await start({ dataDir: first.dataDir, port: first.port });
    expect(again).toMatchObject({ pid: first.pid, isAdopted: true });
    const moved = await start({ dataDir: first.dataDir });
    expect(moved.isAdopted).toBe(false);
    expect(isProcessAlive(first.pid)).toBe(false);
    await connectController(moved);
  });

  it("starts again after its server was killed", async () => {
    const first = await start();
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    const second = await start({ dataDir: first.dataDir, port: first.port });
    expect(second.isAdopted).toBe(false);
    await connectController(second);
  });

  it("names number and owner of a port that is taken", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    const address = squatter.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      expect(findPortOwner(port)).toMatchObject({ pid: process.pid });
      await expect(start({ port })).rejects.toMatchObject({
        code: "port_taken",
        message: expect.stringMatching(new RegExp(`Port ${port} .*process ${process.pid} `)),
      });
    } finally {
      squatter.close();
    }
    expect(findPortOwner(await findFreePort())).toBeUndefined();
  });
});
