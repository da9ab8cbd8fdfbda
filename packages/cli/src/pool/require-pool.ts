import type { ApiClient } from "../api/client.ts";

/** Throws the farm's own words when a list was narrowed to a pool that does not exist: nothing matches it, ever. */
export async function requirePool(api: ApiClient, pool: string | undefined): Promise<void> {
  if (pool !== undefined) await api.call("viewPool", { params: { pool } });
}
