import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** An agent to which a controller must not listen any more, or not under an older session. */
export interface FencedAgent {
  readonly agentId: AgentId;
  readonly why: "removed" | "disabled" | "superseded";
  readonly reason: string | null;
  /** The newest session. */
  readonly sessionNo: number;
}

/** More are found in the next pass: their rows stay in the window. */
const FENCED_MAX = 10_000;

/** Agents that were removed or disabled, or that opened a session with another controller, in the last `withinMs`. */
export async function findFencedAgents(
  db: Database,
  options: { readonly withinMs: number; readonly controllerId: string },
): Promise<FencedAgent[]> {
  const since = sql`clock_timestamp() - ${options.withinMs}::float8 * interval '1 ms'`;
  const { rows } = await sql<FencedAgent>`
    select id as "agentId", session_no as "sessionNo", disabled_reason as reason,
      case when state = 'removed' then 'removed' when disabled_at is not null then 'disabled' else 'superseded' end as why
    from agents
    where removed_at > ${since} or disabled_at > ${since}
      or (connected_at > ${since} and session_controller <> ${options.controllerId})
    limit ${FENCED_MAX}`.execute(db);
  return rows;
}
