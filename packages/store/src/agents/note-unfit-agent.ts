import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** The agent of this session says why it can take no job, or with an empty text that it can again. Its pool; undefined when the session is over. */
export async function noteUnfitAgent(
  db: Database,
  of: { readonly agentId: AgentId; readonly sessionNo: number; readonly problem: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ pool: string }>`
    update agents set unfit_reason = ${of.problem === "" ? null : of.problem}
    where id = ${of.agentId} and session_no = ${of.sessionNo} returning pool`.execute(db);
  return rows[0]?.pool;
}
