import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { createLogger, hasCode, systemClock } from "@windrow/service";
import pg from "pg";
import { type PostgresConnection, startPostgres } from "../postgres/start-postgres.ts";

export interface TestDatabase {
  readonly connection: PostgresConnection;
  readonly connectionString: string;
  /** Cuts its connections and removes it. Not needed for tidiness: the whole server goes away after the tests. */
  drop(): Promise<void>;
}

/** A database that is prepared once per test run and then copied, which is much faster than preparing each. */
export interface TestTemplate {
  /** Names the content; a new content needs a new key. */
  readonly key: string;
  /** Fills the database (runs the migrations). Must close its connections before it resolves. */
  prepare(connectionString: string): Promise<void>;
}

export interface TestPostgres {
  /** Makes a fresh, empty database, or a copy of `template`. */
  createDatabase(template?: TestTemplate): Promise<TestDatabase>;
}

const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 25;
const TEMPLATE_LOCK_KEY = 7_010_001;

let shared: Promise<TestPostgres> | undefined;

/**
 * A real Postgres for tests, without fsync: one for all workers of a test run, started by whoever asks first and ended
 * when the test run's main process is gone. Cheap to call in every test file; make a database per file or test.
 */
export function startTestPostgres(): Promise<TestPostgres> {
  shared ??= connectShared();
  return shared;
}

async function connectShared(): Promise<TestPostgres> {
  const ownerPid = findOwnerPid();
  const dir = join(tmpdir(), `windrow-test-${process.getuid?.() ?? 0}-${ownerPid}`);
  const readyFile = join(dir, "connection.json");
  if (isOlderThanOwner(dir, ownerPid)) rmSync(dir, { recursive: true, force: true });
  try {
    mkdirSync(dir, { mode: 0o711 });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    return usePostgres(await waitForConnection(readyFile));
  }
  const server = await startPostgres({
    dataDir: join(dir, "postgres"),
    logger: createLogger({ component: "test-postgres", level: "warn" }),
    connectionsMax: 300,
    throwAwayWithoutFsync: true,
  });
  spawnWatchdog({ ownerPid, serverPid: server.pid, dir });
  writeFileSync(`${readyFile}.new`, JSON.stringify(server.connection), { mode: 0o600 });
  renameSync(`${readyFile}.new`, readyFile);
  return usePostgres(server.connection);
}

/** The test runner's main process when we are one of its forks, else we ourselves. */
function findOwnerPid(): number {
  return process.env.VITEST !== undefined && isMainThread ? process.ppid : process.pid;
}

/** True when `dir` was left by an earlier process that had the same id. */
function isOlderThanOwner(dir: string, ownerPid: number): boolean {
  if (!existsSync(dir)) return false;
  const idFile = join(dir, "owner");
  return existsSync(idFile) && readFileSync(idFile, "utf8") !== readStartTime(ownerPid);
}

function readStartTime(pid: number): string {
  if (process.platform !== "linux") return String(pid);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

/** Outlives the tests: waits for the owner's end, then ends the server and removes its folder. */
function spawnWatchdog(options: { readonly ownerPid: number; readonly serverPid: number; readonly dir: string }): void {
  const { ownerPid, serverPid, dir } = options;
  writeFileSync(join(dir, "owner"), readStartTime(ownerPid));
  const script = `while kill -0 "$1" 2>/dev/null; do sleep 0.5; done
kill -INT "$2"; while kill -0 "$2" 2>/dev/null; do sleep 0.1; done; rm -rf "$3"`;
  const child = spawn("sh", ["-c", script, "sh", String(ownerPid), String(serverPid), dir], {
    cwd: "/",
    detached: true,
    stdio: "ignore",
  });
  child.unref();
}

async function waitForConnection(readyFile: string): Promise<PostgresConnection> {
  const until = systemClock.monotonicMs() + READY_WITHIN_MS;
  while (!existsSync(readyFile)) {
    if (systemClock.monotonicMs() > until) throw new Error(`the shared test Postgres did not start: no ${readyFile}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  const connection: PostgresConnection = JSON.parse(readFileSync(readyFile, "utf8"));
  return connection;
}

function usePostgres(connection: PostgresConnection): TestPostgres {
  return {
    async createDatabase(template) {
      const name = `t_${randomBytes(8).toString("hex")}`;
      await withClient(connection, async (client) => {
        const source = template === undefined ? "template1" : await ensureTemplate(client, connection, template);
        await client.query(`CREATE DATABASE ${name} TEMPLATE ${source}`);
      });
      return {
        connection: { ...connection, database: name },
        connectionString: describe(connection, name),
        drop: () =>
          withClient(connection, async (client) => {
            await dropDatabase(client, name);
          }),
      };
    },
  };
}

async function ensureTemplate(
  client: pg.Client,
  connection: PostgresConnection,
  template: TestTemplate,
): Promise<string> {
  const name = `tpl_${createHash("sha256").update(template.key).digest("hex").slice(0, 16)}`;
  await client.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK_KEY]);
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (found.rowCount) return name;
    const draft = `${name}_draft`;
    await dropDatabase(client, draft);
    await client.query(`CREATE DATABASE ${draft}`);
    await template.prepare(describe(connection, draft));
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    return name;
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [TEMPLATE_LOCK_KEY]);
  }
}

/**
 * Cuts our connections to it, then drops it. Not WITH (FORCE): that fails for a role that is no superuser while the
 * server's own autovacuum looks at the database, whereas a plain DROP sends autovacuum away and waits for who was cut.
 */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = current_user",
    [name],
  );
  await client.query(`DROP DATABASE IF EXISTS ${name}`);
}

async function withClient<T>(connection: PostgresConnection, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connection });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function describe(connection: PostgresConnection, database: string): string {
  const { user, password, host } = connection;
  return `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}`;
}
