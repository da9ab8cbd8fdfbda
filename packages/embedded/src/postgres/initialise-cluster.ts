import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { EmbeddedError } from "../embedded-error.ts";
import { commandAs, type PostgresAccount } from "./postgres-account.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/** The role and database that the farm uses; the role owns the database and is no superuser. */
export const FARM_ROLE = "windrow";
export const FARM_DATABASE = "windrow";

const OUTPUT_BYTES_MAX = 1024 * 1024;

export interface ClusterOptions {
  /** Our folder; the cluster goes into `data` below it, the password into `password`. */
  readonly dataDir: string;
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly isThrowAway: boolean;
}

/**
 * Makes the database cluster when there is none yet and answers the farm role's password. A start that is killed half-way
 * leaves only `data.new`, which the next one throws away: `data` appears by rename, complete.
 */
export async function initialiseCluster(options: ClusterOptions): Promise<string> {
  const { dataDir, account } = options;
  const cluster = join(dataDir, "data");
  const passwordFile = join(dataDir, "password");
  if (existsSync(join(cluster, "PG_VERSION"))) return readPassword(passwordFile);
  const fresh = join(dataDir, "data.new");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  const password = randomBytes(24).toString("base64url");
  const adminFile = join(dataDir, "admin-password.new");
  writeFileSync(adminFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  try {
    if (account.isOther) for (const path of [fresh, adminFile]) chownSync(path, account.uid, account.gid);
    const flags = ["--encoding=UTF8", "--locale=C", "--data-checksums", "--auth=scram-sha-256", "--username=postgres"];
    if (options.isThrowAway) flags.push("--no-sync");
    await runTool(options, options.binaries.initdb, ["-D", fresh, `--pwfile=${adminFile}`, ...flags]);
    // The single-user server: no listener exists yet, so nobody can get in between.
    const sql = [
      `CREATE ROLE ${FARM_ROLE} LOGIN CREATEDB PASSWORD '${password}';`,
      `CREATE DATABASE ${FARM_DATABASE} OWNER ${FARM_ROLE};`,
      `REVOKE CONNECT ON DATABASE ${FARM_DATABASE} FROM PUBLIC;`,
    ].join("\n");
    await runTool(
      options,
      options.binaries.postgres,
      ["--single", "-c", "exit_on_error=true", "-D", fresh, "postgres"],
      sql,
    );
  } finally {
    rmSync(adminFile, { force: true });
  }
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  chmodSync(passwordFile, 0o600);
  renameSync(fresh, cluster);
  return password;
}

function readPassword(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (!hasCode(cause, "ENOENT")) throw cause;
    const message = `The database in ${path.replace(/password$/, "data")} is there but its password file ${path} is not: restore that file, or use another data folder.`;
    throw new EmbeddedError("state_damaged", message, { cause });
  }
}

function runTool(options: ClusterOptions, tool: string, args: readonly string[], input = ""): Promise<void> {
  const run = commandAs(options.account, tool, args, [tool, join(options.dataDir, "data.new")]);
  return new Promise((resolve, reject) => {
    const child = execFile(
      run.command,
      [...run.args],
      // Not the caller's folder: it may be closed to the database user.
      { ...run.options, cwd: "/", env: TOOL_ENV, maxBuffer: OUTPUT_BYTES_MAX },
      (cause, _stdout, stderr) => {
        if (!cause) return resolve();
        const said = stderr.trim().split("\n").slice(-3).join(" ");
        reject(
          new EmbeddedError("start_failed", `The database could not be set up in ${options.dataDir}: ${said}`, {
            cause,
          }),
        );
      },
    );
    child.stdin?.on("error", (error) => {
      // The tool ended before it read its input: its exit code tells the story.
      if (!hasCode(error, "EPIPE")) reject(error);
    });
    child.stdin?.end(`${input}\n`);
  });
}

/** All that the Postgres programs get to see of the environment. */
export const TOOL_ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" } as const;
