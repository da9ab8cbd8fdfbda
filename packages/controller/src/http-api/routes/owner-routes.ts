import type { Owner } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import { inTransaction, listOwners, type OwnerRow, recordAudit, setOwnerWeight } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { requireWholeFarm } from "../guard.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { ownerScope } from "./require-reach.ts";

export function createOwnerRoutes({ db }: ApiDeps): Pick<RouteHandlers, "listOwners" | "changeOwner"> {
  return {
    async listOwners({ principal }) {
      return { items: (await listOwners(db, ownerScope(principal))).map(present), next_cursor: null };
    },
    async changeOwner({ params, body, principal, request }) {
      requireWholeFarm(principal, "sets the shares of owners");
      const { owner } = params;
      await inTransaction(db, async (tx) => {
        const before = await setOwnerWeight(tx, { owner, weight: body.weight });
        if (before === undefined) {
          throw new Refusal("not_found", `there is no owner '${owner}'`, {
            hint: "`windrow repo owner list` shows them",
          });
        }
        await recordAudit(tx, {
          ...auditAuthor(principal, request),
          action: "owner.set",
          subject: `owner:${owner}`,
          before: { weight: before },
          after: { weight: body.weight },
        });
      });
      const [row] = await listOwners(db, owner);
      if (row === undefined) throw new Refusal("not_found", `there is no owner '${owner}'`);
      return present(row);
    },
  };
}

function present(row: OwnerRow): Owner {
  return { ...row, created_at: row.created_at.toISOString() };
}
