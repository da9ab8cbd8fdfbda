import type { Upgrade } from "@windrow/contract";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";

/** The pool's latest upgrade; undefined when it never had one. */
export async function findUpgrade(api: ApiClient, pool: string): Promise<Upgrade | undefined> {
  try {
    return (await api.call("viewUpgrade", { params: { pool } })).answer;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return undefined;
    throw error;
  }
}
