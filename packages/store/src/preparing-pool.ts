import { createHash } from "node:crypto";
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import type { Pool, PoolClient, QueryResult } from "pg";
import { rowValue } from "./row-text.ts";

/** A text that was not seen this often may never come again: a list of another length, say. */
const SEEN_BEFORE_MIN = 3;
/** Texts that are remembered; what comes later is parsed every time. */
const TEXTS_MAX = 500;

/**
 * A pool whose connections let Postgres keep the plans of statements it sees again and again: parsing and planning the
 * longer ones takes several times as long as running them.
 */
export function createPreparingPool(pool: Pool): PostgresPool {
  const names = createStatementNames();
  const clients = new WeakMap<PoolClient, PreparingClient>();
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const known = clients.get(client);
      if (known !== undefined) return known;
      const preparing = new PreparingClient(client, names);
      clients.set(client, preparing);
      return preparing;
    },
  };
}

interface StatementNames {
  /** Undefined: to be parsed anew. */
  find(text: string): string | undefined;
  /** The kept plan is worth nothing any more. */
  forget(text: string): void;
}

function createStatementNames(): StatementNames {
  const seen = new Map<string, { count: number; name: string | undefined }>();
  return {
    find(text) {
      const entry = seen.get(text);
      if (entry === undefined) {
        if (seen.size < TEXTS_MAX) seen.set(text, { count: 1, name: undefined });
        return undefined;
      }
      if (entry.name === undefined && ++entry.count > SEEN_BEFORE_MIN) {
        entry.name = createHash("sha256").update(text).digest("base64url").slice(0, 24);
      }
      return entry.name;
    },
    forget(text) {
      seen.set(text, { count: Number.NEGATIVE_INFINITY, name: undefined });
    },
  };
}

/** A newer controller added a column while this one kept a plan that returns all of them. */
function isPlanOutdated(error: unknown): boolean {
  return error instanceof Error && error.message.includes("cached plan must not change result type");
}

class PreparingClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #names: StatementNames;

  constructor(client: PoolClient, names: StatementNames) {
    this.#client = client;
    this.#names = names;
  }

  query<R>(text: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    text: string | PostgresCursor<R>,
    parameters: ReadonlyArray<unknown> = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== "string") throw new TypeError("the store reads no cursors");
    return this.#run<R>(text, parameters);
  }

  release(destroy?: boolean): void {
    this.#client.release(destroy);
  }

  async #run<R>(text: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>> {
    const values = parameters.map(rowValue);
    const result = await this.#send(text, values);
    const rows: R[] = result.rows;
    return { command: result.command as PostgresQueryResult<R>["command"], rowCount: result.rowCount ?? 0, rows };
  }

  async #send(text: string, values: unknown[]): Promise<QueryResult> {
    const name = this.#names.find(text);
    if (name === undefined) return this.#client.query({ text, values });
    try {
      return await this.#client.query({ name, text, values });
    } catch (error) {
      if (!isPlanOutdated(error)) throw error;
      this.#names.forget(text);
      try {
        return await this.#client.query({ text, values });
      } catch {
        // inside a transaction that the first failure ended; the whole of it is tried again by whoever began it
        throw error;
      }
    }
  }
}
