import type { AuditEntry } from "@windrow/store";
import type { FastifyRequest } from "fastify";
import { actorOf, type Principal } from "./principal.ts";

/** Who made a change, as the audit trail names them. */
export type AuditAuthor = Pick<AuditEntry, "actor" | "tokenId" | "ip">;

export function auditAuthor(principal: Principal, request: Pick<FastifyRequest, "ip">): AuditAuthor {
  return {
    actor: actorOf(principal),
    tokenId: principal.kind === "job" ? undefined : principal.tokenId,
    ip: request.ip,
  };
}
