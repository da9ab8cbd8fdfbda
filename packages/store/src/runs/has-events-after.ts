import { sql } from "kysely";
import type { Database } from "../database.ts";
import type { EventCursor } from "../events/read-events.ts";

/** Whether the run has events behind the cursor, readable by now or not: a reader at its end has seen everything. */
export async function hasEventsAfter(
  db: Database,
  at: { readonly runId: number; readonly after: EventCursor | undefined },
): Promise<boolean> {
  const [xid = "0", id = "0"] = (at.after ?? "0-0").split("-");
  const { rows } = await sql<{ found: boolean }>`
    select exists (
      select from events e where e.run_id = ${at.runId} and (e.xid, e.id) > (${xid}::xid8, ${id}::bigint)
    ) as found`.execute(db);
  return rows[0]?.found ?? false;
}
