import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";

/** One change that a person, or a token of theirs, made. */
export interface AuditEntry {
  readonly actor: string;
  readonly tokenId?: string | undefined;
  readonly ip?: string | undefined;
  /** Noun and verb, as in the CLI: `pool.set`. */
  readonly action: string;
  /** What was changed: `pool:python`. */
  readonly subject: string;
  /** Without secrets. Absent: there was nothing before (or is nothing after). */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Adds one entry, in the transaction of the change that it tells of. */
export async function recordAudit(db: Database | Tx, entry: AuditEntry): Promise<void> {
  const json = (value: unknown): string | null => (value === undefined ? null : rowJson(value));
  await sql`
    insert into audit_entries (actor, token_id, ip, action, subject, before, after)
    values (${entry.actor}, ${entry.tokenId ?? null}, ${entry.ip ?? null}, ${entry.action}, ${entry.subject},
      ${json(entry.before)}::jsonb, ${json(entry.after)}::jsonb)`.execute(db);
}
