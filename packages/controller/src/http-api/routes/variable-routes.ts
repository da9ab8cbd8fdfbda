import type { Variable } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import {
  deleteVariable,
  findRepository,
  inTransaction,
  listEffectiveVariables,
  listVariables,
  recordAudit,
  setVariable,
  VARIABLES_BYTES_MAX,
  VARIABLES_MAX,
  type VariableLevel,
  type VariableRow,
} from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { actorOf, mayReach, type Principal } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "listVariables" | "setVariable" | "deleteVariable";

interface AskedLevel {
  readonly owner?: string | undefined;
  readonly repository?: string | undefined;
}

export function createVariableRoutes({ db }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listVariables({ query, principal }) {
      const level = await findLevel(query, principal, "read");
      const rows =
        query.effective === "true" && level.repositoryId !== null
          ? await listEffectiveVariables(db, level.repositoryId)
          : await listVariables(db, level);
      return { items: rows.map(present), next_cursor: null };
    },
    async setVariable({ body, principal, request }) {
      const level = await findLevel(body, principal, "write");
      const { name, value } = body;
      const row = await inTransaction(db, async (tx) => {
        const before = (await listVariables(tx, level)).find((one) => one.name === name);
        const stored = await setVariable(tx, { ...level, name, value, by: actorOf(principal) });
        if (stored === undefined) return undefined;
        await recordAudit(tx, {
          ...auditAuthor(principal, request),
          action: "variable.set",
          subject: subjectOf(stored),
          ...(before === undefined ? {} : { before: shorten(before.value) }),
          after: shorten(stored.value),
        });
        return stored;
      });
      if (row !== undefined) return present(row);
      throw new Refusal(
        "invalid",
        `a level has at most ${VARIABLES_MAX} variables with ${VARIABLES_BYTES_MAX / 1024} KiB together`,
        { hint: "delete some, or put what is long into a file of the repository" },
      );
    },
    async deleteVariable({ params, query, principal, request }) {
      const level = await findLevel(query, principal, "write");
      const row = await inTransaction(db, async (tx) => {
        const deleted = await deleteVariable(tx, { ...level, name: params.name });
        if (deleted === undefined) return undefined;
        const entry = { action: "variable.delete", subject: subjectOf(deleted), before: shorten(deleted.value) };
        await recordAudit(tx, { ...auditAuthor(principal, request), ...entry });
        return deleted;
      });
      if (row === undefined) throw new Refusal("not_found", `there is no variable ${params.name} at this level`);
      return present(row);
    },
  };

  /** The farm's own are for tokens that reach the whole farm, to change; everybody's jobs see them. */
  async function findLevel(asked: AskedLevel, principal: Principal, how: "read" | "write"): Promise<VariableLevel> {
    const { owner, repository } = asked;
    if (owner !== undefined && repository !== undefined) {
      throw new Refusal("invalid", "a variable is of an owner or of a repository, not of both");
    }
    if (repository !== undefined) {
      const [of = "", name = ""] = repository.split("/");
      const found = mayReach(principal, of) ? await findRepository(db, { owner: of, name }) : undefined;
      if (found === undefined) throw new Refusal("not_found", `there is no repository ${repository}`);
      return { owner: null, repositoryId: found.id };
    }
    if (owner !== undefined) {
      if (!mayReach(principal, owner)) throw new Refusal("not_allowed", `this token does not reach ${owner}`);
      return { owner, repositoryId: null };
    }
    if (how === "write" && !(principal.kind === "user" && principal.owner === null)) {
      throw new Refusal("not_allowed", "this token may not change variables of the whole farm", {
        hint: "name an owner or a repository",
      });
    }
    return { owner: null, repositoryId: null };
  }
}

function subjectOf(row: VariableRow): string {
  return `variable:${row.repository ?? row.owner ?? "farm"}:${row.name}`;
}

/** The audit trail keeps what a value began with: values may be long, and rows of the trail stay for good. */
const AUDIT_VALUE_CHARS_MAX = 200;
function shorten(value: string): object {
  return value.length <= AUDIT_VALUE_CHARS_MAX
    ? { value }
    : { value: `${value.slice(0, AUDIT_VALUE_CHARS_MAX)}…`, chars: value.length };
}

function present(row: VariableRow): Variable {
  return {
    name: row.name,
    value: row.value,
    owner: row.owner,
    repository: row.repository,
    updated_by: row.updatedBy,
    updated_at: row.updatedAt.toISOString(),
  };
}
