import * as z from "zod";
import { cursorSchema, limitSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";

export const auditEntrySchema = z
  .object({
    id: z.int(),
    at: timeSchema,
    actor: z.string().describe("Who did it, as the token is named."),
    token_id: z.string().nullable(),
    ip: z.string().nullable(),
    action: z.string().describe("Noun and verb: `pool.set`."),
    subject: z.string().describe("What was changed: `pool:python`."),
    before: z.unknown().describe("Null when there was nothing before. Never holds a secret."),
    after: z.unknown().describe("Null when nothing is there any more."),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntryJson = z.infer<typeof auditEntrySchema>;
export const auditPageSchema = pageOf(auditEntrySchema).meta({ id: "AuditPage" });

const FILTER_CHARS_MAX = 300;
export const listAuditQuerySchema = z.object({
  subject: z.string().min(1).max(FILTER_CHARS_MAX).optional().describe("`pool:python`, or `pool` for all pools."),
  action: z.string().min(1).max(FILTER_CHARS_MAX).optional().describe("`pool.set`, or `pool` for all of that noun."),
  actor: z.string().min(1).max(FILTER_CHARS_MAX).optional(),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
});
