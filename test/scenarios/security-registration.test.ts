import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { makeAgentKey, makeCertificateRequest } from "@windrow/certificates";
import { asAgentId, asInstanceId } from "@windrow/model";
import { createAgentApiClient, createUserNkey, PROTOCOL_VERSION } from "@windrow/wire";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientTls } from "../../packages/agent/src/start/farm-trust.ts";
import { type Child, startChild } from "../kit/child.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 1 });
});
afterAll(() => farm.stop());

async function makeJoinToken(): Promise<{ id: string; secret: string }> {
  const body = { kind: "join", name: "once", pool: "default", ttl_seconds: 3_600, uses_max: 1 };
  const answer = await farm.api<{ token: { id: string }; secret: string }>("POST", "/api/v1/tokens", { body });
  return { id: answer.token.id, secret: answer.secret };
}

const rowsOf = (tokenId: string) =>
  farm.db.selectFrom("agents").select(["id", "state", "session_no"]).where("joined_with", "=", tokenId).execute();

describe("F30: an agent that is killed again and again, also while it registers", () => {
  test("as a real process, at each point of its registration, stays one agent", async () => {
    const token = await makeJoinToken();
    const dir = join(farm.dir, "agents", "mortal");
    let no = 0;
    const start = (): Child =>
      startChild({
        name: "mortal",
        entry: "@windrow/agent/main",
        logFile: join(farm.dir, "logs", `mortal-${++no}.log`),
        failpointFile: join(farm.dir, "failpoints", "mortal"),
        env: {
          ...{
            WINDROW_URL: farm.url,
            WINDROW_AGENT_DIR: dir,
            WINDROW_AGENT_NAME: "mortal",
            WINDROW_LOG_LEVEL: "debug",
          },
          WINDROW_JOIN_TOKEN: token.secret,
        },
      });
    const points: ((child: Child) => Promise<unknown>)[] = [
      () => waitFor("its keys", () => existsSync(join(dir, "agent-key.pem")), { everyMs: 1 }),
      () => waitFor("its row", async () => (await rowsOf(token.id)).length > 0, { everyMs: 1 }),
      () => waitFor("its certificate", () => existsSync(join(dir, "credential.json")), { everyMs: 1 }),
      (child) => child.line("ready"),
    ];
    for (const point of points) {
      const child = start();
      await point(child);
      await child.kill();
    }
    const last = start();
    await last.line("ready");
    const rows = await rowsOf(token.id);
    expect(rows).toMatchObject([{ state: "ready" }]);
    await last.stop();
  });

  // a real process takes a second or more to start here, so that 96 of the hundred deaths are those of connections:
  // joins cut off at a random moment, and sessions that end without a word
  test("96 times more, as connections that break off at random moments, stays one agent and gets in at once", async () => {
    const token = await makeJoinToken();
    const key = makeAgentKey();
    const body = JSON.stringify({
      ...{ name: "brief", hostname: "test", version: "test", slots: 1, labels: [] },
      nats_public_key: createUserNkey().publicKey,
      certificate_request: await makeCertificateRequest(key),
    });
    const headers = { authorization: `Bearer ${token.secret}`, "content-type": "application/json" };
    const joinAndDie = (afterMs: number) =>
      new Promise<void>((resolve) => {
        const asked = request(`${farm.url}/api/v1/agents/join`, { method: "POST", headers, agent: false });
        asked.on("error", () => undefined);
        asked.on("close", () => resolve());
        asked.end(body);
        setTimeout(() => asked.destroy(), afterMs);
      });
    for (let time = 0; time < 48; time++) await joinAndDie(Math.random() * 30);
    const answer = await fetch(`${farm.url}/api/v1/agents/join`, { method: "POST", headers, body });
    const joined: { agent_id: string; certificate: string; authority: string } = JSON.parse(await answer.text());
    expect(await rowsOf(token.id)).toHaveLength(1);

    const address = farm.controllers[0]?.grpcAddress ?? "";
    const connect = () => createAgentApiClient({ address, tls: clientTls(joined, key) });
    const hello = () => ({
      ...({ kind: "hello", protocolVersion: PROTOCOL_VERSION, instanceId: asInstanceId(crypto.randomUUID()) } as const),
      ...{ agentVersion: "test", slots: 1, labels: ["brief"], toolchains: [], held: [], hostname: "test" },
    });
    for (let time = 0; time < 48; time++) {
      const client = connect();
      const session = client.session();
      session.send(hello());
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      client.close();
      // as long as the quickest process takes to start again, by far
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const client = connect();
    const startedMs = performance.now();
    const session = client.session();
    session.send(hello());
    const { value: welcome } = await session.messages[Symbol.asyncIterator]().next();
    expect(welcome).toMatchObject({ kind: "welcome", agentId: asAgentId(joined.agent_id) });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    const rows = await rowsOf(token.id);
    expect(rows).toMatchObject([{ id: joined.agent_id, state: "ready" }]);
    client.close();
  });
});

/** Everything that is in the database, as text. */
async function dumpDatabase(): Promise<string> {
  const tables = await sql<{ name: string }>`
    select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`.execute(farm.db);
  const parts: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await sql<{ line: string }>`select t::text as line from ${sql.raw(name)} t`.execute(farm.db);
    parts.push(name, ...rows.map((row) => row.line));
  }
  return parts.join("\n");
}

test("S03: neither a dump of the database nor any log holds a token, a key or a seed that was ever given out", async () => {
  const token = await makeJoinToken();
  const user = await farm.api<{ secret: string }>("POST", "/api/v1/tokens", {
    body: { kind: "user", name: "bot", role: "developer" },
  });
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  build:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: echo hello
        env: { TOKEN: "\${{ github.token }}" }
`,
  );
  await farm.waitRunFinished(runId);
  const agentDir = farm.agent("agent-1").dir;
  for (const name of ["agent-key.pem", "nats-key.json", "credential.json"])
    expect(statSync(join(agentDir, name)).mode & 0o777, name).toBe(0o600);
  const natsKey: { seed: string } = JSON.parse(readFileSync(join(agentDir, "nats-key.json"), "utf8"));
  const secrets = [token.secret, user.secret, farm.adminToken, natsKey.seed];
  const dump = await dumpDatabase();
  expect(dump.length).toBeGreaterThan(10_000);
  const logs = readdirSync(join(farm.dir, "logs")).map((name) => readFileSync(join(farm.dir, "logs", name), "utf8"));
  expect(logs.join("").length).toBeGreaterThan(1_000);
  // blobs hold logs of jobs
  const blobs = execFileSync("grep", ["-r", "-a", "-h", "", join(farm.dir, "data", "blobs")], { maxBuffer: 64e6 });
  for (const [where, text] of Object.entries({ dump, logs: logs.join("\n"), blobs: blobs.toString("latin1") })) {
    for (const secret of secrets) {
      for (const form of [secret, Buffer.from(secret).toString("hex"), Buffer.from(secret).toString("base64")]) {
        expect(text.includes(form), `${where} holds ${secret.slice(0, 8)}…`).toBe(false);
      }
    }
    // tokens of jobs as well, which nobody but their job ever saw
    expect(text.match(/wr[jut]_[A-Za-z0-9_-]{20,}/g), where).toBeNull();
    expect(text.includes("PRIVATE KEY"), where).toBe(false);
  }
});
