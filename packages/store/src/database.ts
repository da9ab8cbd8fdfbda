import { Kysely, PostgresDialect, type Transaction } from "kysely";
import { Pool, types } from "pg";
import { createPreparingPool } from "./preparing-pool.ts";
import type { Schema } from "./schema.ts";

/** An open database, or a transaction on it: what every operation takes. Never both opened and taken by one function. */
export type Database = Kysely<Schema>;
export type Tx = Transaction<Schema>;

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/name`, or `postgres://user:password@/name?host=/socket/dir`. */
  readonly connectionString: string;
  readonly connectionsMax?: number;
  readonly statementTimeoutMs?: number;
  /** For migrations: a statement may take, and wait for its locks, as long as it needs. */
  readonly isPatient?: boolean;
  /** Called for errors of idle connections, which would otherwise end the process. */
  readonly onError: (error: Error) => void;
}

const INT8_OID = 20;
const STATEMENT_TIMEOUT_MS_DEFAULT = 5_000;

/**
 * Opens a pool of connections. 64-bit integers are read as numbers: every id and size of the farm stays below 2^53,
 * and one that does not is a bug that must not pass silently.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new Pool({
    // the planner guesses high for the queue's recursive part, and compiling it would take longer than running it
    options: "-c jit=off",
    connectionString: options.connectionString,
    max: options.connectionsMax ?? 10,
    ...(options.isPatient ? {} : timeouts(options.statementTimeoutMs)),
    connectionTimeoutMillis: 5_000,
    application_name: "windrow",
    types: { getTypeParser: (oid, format) => (oid === INT8_OID ? parseInt8 : types.getTypeParser(oid, format)) },
  });
  pool.on("error", options.onError);
  // a checked-out connection that breaks emits on the client, not on the pool
  pool.on("connect", (client) => client.on("error", options.onError));
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: createPreparingPool(pool) }) });
}

function timeouts(statementTimeoutMs = STATEMENT_TIMEOUT_MS_DEFAULT) {
  return {
    statement_timeout: statementTimeoutMs,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
  };
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`integer ${text} from the database is beyond 2^53`);
  return value;
}
