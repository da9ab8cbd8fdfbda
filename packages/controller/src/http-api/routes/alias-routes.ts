import type { LabelAlias } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import {
  deleteLabelAlias,
  inTransaction,
  LABEL_ALIASES_MAX,
  listLabelAliases,
  recordAudit,
  setLabelAlias,
} from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { presentLabelAlias } from "../present/present-pool.ts";
import { actorOf } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "listLabelAliases" | "setLabelAlias" | "deleteLabelAlias";

export function createAliasRoutes({ db }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listLabelAliases() {
      return { items: (await listLabelAliases(db)).map(presentLabelAlias), next_cursor: null };
    },
    async setLabelAlias({ params, body, principal, request }) {
      const { alias } = params;
      const labels = [...new Set(body.labels.map((label) => label.toLowerCase()))].sort();
      if (labels.includes(alias)) throw new Refusal("invalid", `the alias '${alias}' cannot stand for itself`);
      return inTransaction(db, async (tx) => {
        const [before] = await listLabelAliases(tx, { alias });
        if (!(await setLabelAlias(tx, { alias, labels, by: actorOf(principal) }))) {
          throw new Refusal("invalid", `a farm has at most ${LABEL_ALIASES_MAX} label aliases`);
        }
        await recordAudit(tx, {
          ...auditAuthor(principal, request),
          action: "alias.set",
          subject: `alias:${alias}`,
          ...(before === undefined ? {} : { before: { labels: before.labels } }),
          after: { labels },
        });
        const [row] = await listLabelAliases(tx, { alias });
        if (row === undefined) throw new Error(`the alias ${alias} was not stored`);
        return presentLabelAlias(row);
      });
    },
    async deleteLabelAlias({ params, principal, request }): Promise<LabelAlias> {
      const { alias } = params;
      return inTransaction(db, async (tx) => {
        const [before] = await listLabelAliases(tx, { alias });
        if (before === undefined || !(await deleteLabelAlias(tx, alias))) {
          throw new Refusal("not_found", `there is no label alias '${alias}'`, {
            hint: "`windrow pool alias list` shows them",
          });
        }
        const author = auditAuthor(principal, request);
        await recordAudit(tx, {
          ...author,
          action: "alias.delete",
          subject: `alias:${alias}`,
          before: { labels: before.labels },
        });
        return presentLabelAlias(before);
      });
    },
  };
}
