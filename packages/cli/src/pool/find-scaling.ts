import type { PoolScaling } from "@windrow/contract";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";

/** How many agents the pool has and needs; undefined of a controller that does not tell. */
export async function findScaling(api: ApiClient, pool: string): Promise<PoolScaling | undefined> {
  try {
    return (await api.call("viewPoolScaling", { params: { pool } })).answer;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return undefined;
    throw error;
  }
}
