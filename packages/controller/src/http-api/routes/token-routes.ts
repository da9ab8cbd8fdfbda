import { randomUUID } from "node:crypto";
import type { Token } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import {
  insertToken,
  inTransaction,
  listTokens,
  type NewToken,
  readPools,
  recordAudit,
  revokeToken,
  type TokenRow,
} from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { type AuditAuthor, auditAuthor } from "../audit-author.ts";
import { requireWholeFarm } from "../guard.ts";
import { actorOf } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { createTokenSecret } from "../token-secret.ts";

/** A token that is bound to one owner must not make one that is not. */
const MANAGES = "manages tokens";

export function createTokenRoutes({
  db,
  links,
  authority,
}: ApiDeps): Pick<RouteHandlers, "listTokens" | "createToken" | "revokeToken"> {
  return {
    async listTokens({ query, principal }) {
      requireWholeFarm(principal, MANAGES);
      return { items: (await listTokens(db, query.kind)).map(present), next_cursor: null };
    },

    async createToken({ body, principal, request }) {
      requireWholeFarm(principal, MANAGES);
      const author = auditAuthor(principal, request);
      const common = { id: randomUUID(), name: body.name, createdBy: actorOf(principal) };
      if (body.kind === "user") {
        const { secret, hash, prefix } = createTokenSecret("wru");
        const row = await make(author, {
          ...common,
          kind: "user",
          hash,
          prefix,
          role: body.role,
          ...(body.owner === undefined ? {} : { owner: body.owner }),
          ...(body.ttl_seconds === undefined ? {} : { ttlSeconds: body.ttl_seconds }),
        });
        return { token: present(row), secret, join_url: null };
      }
      if (!(await readPools(db)).some((pool) => pool.name === body.pool)) {
        throw new Refusal("invalid", `there is no pool '${body.pool}'`, { hint: "`windrow pool list` shows them" });
      }
      const { secret, hash, prefix } = createTokenSecret("wrj", authority.fingerprint);
      const row = await make(author, {
        ...common,
        kind: "join",
        hash,
        prefix,
        pool: body.pool,
        usesMax: body.uses_max,
        ttlSeconds: body.ttl_seconds,
      });
      const publicUrl = links.publicUrl();
      return { token: present(row), secret, join_url: publicUrl.startsWith("https:") ? publicUrl : null };
    },

    async revokeToken({ params, principal, request }) {
      requireWholeFarm(principal, MANAGES);
      const row = await inTransaction(db, async (tx) => {
        const revoked = await revokeToken(tx, params.token_id);
        if (revoked !== undefined) {
          const author = auditAuthor(principal, request);
          await recordAudit(tx, {
            ...author,
            action: "token.revoke",
            subject: subjectOf(revoked),
            before: auditShape(revoked),
          });
        }
        return revoked;
      });
      if (row === undefined) throw new Refusal("not_found", `there is no token ${params.token_id}`);
      return present(row);
    },
  };

  async function make(author: AuditAuthor, token: NewToken): Promise<TokenRow> {
    return inTransaction(db, async (tx) => {
      const row = await insertToken(tx, token);
      await recordAudit(tx, { ...author, action: "token.create", subject: subjectOf(row), after: auditShape(row) });
      return row;
    });
  }
}

/** A token is named by its id: names of people may be given twice. */
function subjectOf(row: TokenRow): string {
  return `token:${row.id}`;
}

/** What a token is, without its secret and what its use changes. */
function auditShape(row: TokenRow): object {
  const { kind, name, prefix, role, owner, pool, uses_max, expires_at } = row;
  return { kind, name, prefix, role, owner, pool, uses_max, expires_at };
}

function present(row: TokenRow): Token {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    prefix: row.prefix,
    role: row.role,
    owner: row.owner,
    pool: row.pool,
    uses_max: row.uses_max,
    uses_count: row.uses_count,
    expires_at: row.expires_at?.toISOString() ?? null,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
