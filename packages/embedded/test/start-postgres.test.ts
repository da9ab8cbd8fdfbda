import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@windrow/service";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningPostgres, startPostgres } from "../src/index.ts";
import { waitForEnd } from "../src/process/end-process.ts";
import { isProcessAlive } from "../src/process/process-facts.ts";

const logger = createLogger({ component: "test", level: "silent" });
const isRoot = process.getuid?.() === 0;
const folders: string[] = [];
const running: RunningPostgres[] = [];

function makeFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "windrow-embedded-test-"));
  execFileSync("chmod", ["711", folder]);
  folders.push(folder);
  return folder;
}

async function start(dataDir: string): Promise<RunningPostgres> {
  const postgres = await startPostgres({ dataDir, logger });
  running.push(postgres);
  return postgres;
}

async function query(postgres: RunningPostgres, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe("the embedded Postgres", () => {
  it("keeps what was committed over a stop and a second start, durably set up and on a private socket", async () => {
    const dataDir = join(makeFolder(), "postgres");
    const first = await start(dataDir);
    await query(first, "CREATE TABLE fact AS SELECT 7 AS n");
    const settings =
      "SELECT name, setting FROM pg_settings WHERE name = ANY('{fsync,synchronous_commit,listen_addresses,data_checksums,server_encoding,lc_collate}') ORDER BY name";
    const found = Object.fromEntries((await query(first, settings)).map((row) => [row.name, row.setting]));
    expect(found).toMatchObject({
      fsync: "on",
      synchronous_commit: "on",
      listen_addresses: "",
      data_checksums: "on",
      server_encoding: "UTF8",
    });
    expect(statSync(join(dataDir, "password")).mode & 0o777).toBe(0o600);
    expect(statSync(first.connection.host).mode & 0o777).toBe(0o700);
    expect(await query(first, "SELECT usesuper FROM pg_user WHERE usename = current_user")).toEqual([
      { usesuper: false },
    ]);
    await Promise.all([first.stop(), first.stop()]);
    await first.ended;
    expect(isProcessAlive(first.pid)).toBe(false);

    const second = await start(dataDir);
    expect(second.isAdopted).toBe(false);
    expect(await query(second, "SELECT n FROM fact")).toEqual([{ n: 7 }]);
  });

  it("recovers after its server was killed, with what was committed", async () => {
    const dataDir = makeFolder();
    const first = await start(dataDir);
    await query(first, "CREATE TABLE fact AS SELECT 7 AS n");
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    expect(existsSync(join(dataDir, "data", "postmaster.pid"))).toBe(true);
    const second = await start(dataDir);
    expect(second.isAdopted).toBe(false);
    expect(await query(second, "SELECT n FROM fact")).toEqual([{ n: 7 }]);
  });

  it("is not fooled by a stale postmaster.pid that names a living process of another kind", async () => {
    const dataDir = makeFolder();
    const first = await start(dataDir);
    const pidFile = join(dataDir, "data", "postmaster.pid");
    const text = readFileSync(pidFile, "utf8");
    await first.stop();
    writeFileSync(pidFile, text.replace(/^\d+/, String(process.pid)));
    const second = await start(dataDir);
    expect(second.isAdopted).toBe(false);
    expect(await query(second, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("adopts the server that a start which died left running", async () => {
    const dataDir = makeFolder();
    const first = await start(dataDir);
    const second = await start(dataDir);
    expect(second).toMatchObject({ pid: first.pid, isAdopted: true, connection: first.connection });
    expect(await query(second, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await second.stop();
    expect(await waitForEnd(first.pid, 0, systemClock)).toBe(true);
  });

  it("throws half-made state of a first start away", async () => {
    const dataDir = makeFolder();
    execFileSync("mkdir", [join(dataDir, "data.new")]);
    writeFileSync(join(dataDir, "data.new", "rubbish"), "");
    expect(await query(await start(dataDir), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("uses a short private folder for the socket where the data folder's path is too long for one", async () => {
    const dataDir = join(makeFolder(), "a".repeat(90));
    const postgres = await start(dataDir);
    const socketDir = postgres.connection.host;
    expect(socketDir).not.toContain(dataDir);
    expect(statSync(socketDir).mode & 0o777).toBe(0o700);
    expect(await query(postgres, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await postgres.stop();
    expect(existsSync(socketDir)).toBe(false);
  });

  it("says which file is missing when the password was lost", async () => {
    const dataDir = makeFolder();
    await (await start(dataDir)).stop();
    rmSync(join(dataDir, "password"));
    await expect(startPostgres({ dataDir, logger })).rejects.toMatchObject({
      code: "state_damaged",
      message: expect.stringContaining(join(dataDir, "password")),
    });
  });

  it.runIf(isRoot)("refuses the socket and the password to another user of the machine", async () => {
    const dataDir = makeFolder();
    const postgres = await start(dataDir);
    const script = `const net = require("node:net"), fs = require("node:fs");
      try { fs.readFileSync(process.argv[2]); console.log("read"); } catch (error) { console.log(error.code); }
      net.connect(process.argv[1]).on("connect", () => { console.log("connected"); process.exit(); }).on("error", (error) => console.log(error.code));`;
    const socket = join(postgres.connection.host, ".s.PGSQL.5432");
    const args = ["-e", script, socket, join(dataDir, "password")];
    const result = spawnSync(process.execPath, args, { uid: 65534, gid: 65534, encoding: "utf8", cwd: "/" });
    expect(result.stdout.trim().split("\n")).toEqual(["EACCES", "EACCES"]);
  });

  it.runIf(isRoot)("works below a folder that only root can enter", async () => {
    const closed = makeFolder();
    execFileSync("chmod", ["700", closed]);
    const postgres = await start(join(closed, "postgres"));
    expect(await query(postgres, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(statSync(join(closed, "postgres", "data")).uid).not.toBe(0);
  });
});
