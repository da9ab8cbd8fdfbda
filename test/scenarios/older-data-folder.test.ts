import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startPostgres } from "@windrow/embedded";
import { findFreePort } from "@windrow/embedded/testing";
import { createLogger, systemClock } from "@windrow/service";
import pg from "pg";
import { afterAll, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const dir = mkdtempSync(join(tmpdir(), "windrow-older-"));
chmodSync(dir, 0o711);
const data = join(dir, "data");
const running: ChildProcess[] = [];

afterAll(async () => {
  for (const child of running) await stop(child);
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGINT");
  await once(child, "exit");
}

/** `windrow up`, ready; with every event it told. */
async function startUp(flags: readonly string[]): Promise<{ child: ChildProcess; seen: string[] }> {
  const args = [
    "--import",
    LOADER,
    MAIN,
    "up",
    "--data",
    data,
    "--agents",
    "1",
    "--slots",
    "1",
    "--no-sample",
    "--json",
  ];
  const env = { PATH: process.env.PATH, HOME: dir };
  const child = spawn(process.execPath, [...args, ...flags], { cwd: dir, env, stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    seen.push(line);
    const event: { event: string } = JSON.parse(line);
    if (event.event !== "ready") continue;
    child.stdout?.resume();
    return { child, seen };
  }
  throw new Error(`up ended: ${seen.slice(-3).join("\n")}`);
}

/** Makes agents what the version before left behind: rows without a key, folders with a shared secret. */
async function makeOlder(): Promise<void> {
  const logger = createLogger({ component: "test", level: "silent" });
  const postgres = await startPostgres({ dataDir: join(data, "postgres"), clock: systemClock, logger });
  const client = new pg.Client({ connectionString: postgres.connectionString });
  await client.connect();
  await client.query(
    "update agents set public_key = null, certificate_expires_at = null, credential_hash = sha256(id::text::bytea)",
  );
  await client.end();
  await postgres.stop();
  const folder = join(data, "agents", "agent-1");
  const file = join(folder, "credential.json");
  const { certificate: _, authority: __, slotsCount: ___, ...kept } = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...kept, credential: "of the version before" }));
  rmSync(join(folder, "agent-key.pem"));
}

test("a data folder of the version before starts: its agents join anew by themselves, under their names", {
  timeout: 240_000,
}, async () => {
  const ports = [await findFreePort(), await findFreePort(), await findFreePort(), await findFreePort()];
  const [port, grpcPort, natsPort, tlsPort] = ports.map(String);
  const flags = ["--port", port, "--grpc-port", grpcPort, "--nats-port", natsPort, "--tls-port", tlsPort].map(String);
  const agents = async (): Promise<{ id: string; name: string; state: string }[]> => {
    const token = readFileSync(join(data, "admin-token"), "utf8").trim();
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/agents`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return JSON.parse(await answer.text()).items;
  };
  const first = await startUp(flags);
  const [before] = await agents();
  await stop(first.child);
  await makeOlder();
  const second = await startUp(flags);
  expect(second.seen.join("\n")).toContain("agent-1 joins anew");
  const after = await agents();
  expect(after).toMatchObject([{ name: "agent-1", state: "ready" }]);
  expect(after[0]?.id).not.toBe(before?.id);
  expect(existsSync(join(data, "agents", "agent-1", "agent-key.pem"))).toBe(true);
  // and from then on it is who it is
  await stop(second.child);
  const third = await startUp(flags);
  expect(third.seen.join("\n")).not.toContain("joins anew");
  expect((await agents())[0]?.id).toBe(after[0]?.id);
});
