import { auditPageSchema, listAuditQuerySchema } from "../audit.ts";
import type { RouteDefinition } from "../route.ts";

/** Who changed what. */
export const AUDIT_ROUTES = {
  listAudit: {
    method: "GET",
    path: "/api/v1/audit",
    summary: "Changes that people made, newest first",
    tag: "audit",
    permission: "audit:read",
    kind: "json",
    query: listAuditQuerySchema,
    successStatus: 200,
    answer: auditPageSchema,
  },
} as const satisfies Record<string, RouteDefinition>;
