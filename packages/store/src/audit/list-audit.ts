import { sql } from "kysely";
import type { Database } from "../database.ts";

/** A change as it was recorded. */
export interface AuditRow {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly token_id: string | null;
  readonly ip: string | null;
  readonly action: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditFilter {
  /** `pool:python`, or `pool` for all of that kind. */
  readonly subject?: string | undefined;
  /** `pool.set`, or `pool` for all of that noun. */
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  /** Only entries older than the one with this id. */
  readonly beforeId?: number | undefined;
  readonly limit: number;
}

/** Entries of the audit trail, newest first. */
export async function listAudit(db: Database, filter: AuditFilter): Promise<AuditRow[]> {
  const { subject, action, actor, beforeId, limit } = filter;
  const conditions = [
    ...(subject === undefined ? [] : [matches(sql.ref("subject"), subject, ":")]),
    ...(action === undefined ? [] : [matches(sql.ref("action"), action, ".")]),
    ...(actor === undefined ? [] : [sql`actor = ${actor}`]),
    ...(beforeId === undefined ? [] : [sql`id < ${beforeId}`]),
  ];
  const wanted = conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
  const { rows } = await sql<AuditRow>`
    select id, at, actor, token_id, ip, action, subject, before, after
    from audit_entries where ${wanted} order by id desc limit ${limit}`.execute(db);
  return rows;
}

function matches(column: ReturnType<typeof sql.ref>, text: string, separator: string) {
  return text.includes(separator)
    ? sql<boolean>`${column} = ${text}`
    : sql<boolean>`starts_with(${column}, ${text + separator})`;
}
