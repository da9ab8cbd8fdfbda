import type { AuditEntryJson } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import { type AuditRow, listAudit } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import type { RouteHandlers } from "../route-handler.ts";

export function createAuditRoutes({ db }: ApiDeps): Pick<RouteHandlers, "listAudit"> {
  return {
    async listAudit({ query }) {
      const { cursor, limit, ...filter } = query;
      // one more than asked tells whether there is another page
      const rows = await listAudit(db, { ...filter, beforeId: readCursor(cursor), limit: limit + 1 });
      const items = rows.slice(0, limit);
      return { items: items.map(present), next_cursor: rows.length > limit ? String(items.at(-1)?.id) : null };
    },
  };
}

function present(row: AuditRow): AuditEntryJson {
  return { ...row, at: row.at.toISOString() };
}

function readCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const id = Number(cursor);
  if (!Number.isSafeInteger(id) || id < 1) throw new Refusal("invalid", "the cursor is not one of this list");
  return id;
}
