import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Repository } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import {
  deleteRepository,
  ensureRepository,
  findRepository,
  inTransaction,
  listRepositories,
  type RepositoryRow,
  recordAudit,
  setDefaultBranch,
  setRepositoryLimits,
} from "@windrow/store";
import {
  createRepositoryFolder,
  removeRepositoryFolder,
  repositoryFolder,
  writeHead,
} from "../../git/repository-folder.ts";
import type { ApiDeps } from "../api-deps.ts";
import { auditAuthor } from "../audit-author.ts";
import { requireWholeFarm } from "../guard.ts";
import { actorOf, mayReach, ownOwner, type Principal } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { ownerScope } from "./require-reach.ts";

type Names = "listRepositories" | "addRepository" | "viewRepository" | "changeRepository" | "deleteRepository";

export function createRepositoryRoutes({
  db,
  environment,
  intake,
  links,
  reader,
}: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listRepositories({ principal }) {
      const rows = await listRepositories(db, ownerScope(principal));
      return { items: rows.map(present), next_cursor: null };
    },

    async addRepository({ body, principal, request }) {
      const owner = body.owner ?? ownOwner(principal);
      if (!mayReach(principal, owner)) {
        throw new Refusal("not_allowed", `this token may not add repositories to ${owner}`);
      }
      const wanted = { owner, name: body.name };
      const { repository, created } = await inTransaction(db, async (tx) => {
        const ensured = await ensureRepository(tx, {
          ...wanted,
          createdBy: actorOf(principal),
          ...(body.default_branch === undefined ? {} : { defaultBranch: body.default_branch }),
        });
        if (ensured.created) {
          const after = auditShape(ensured.repository);
          await recordAudit(tx, {
            ...auditAuthor(principal, request),
            action: "repo.add",
            subject: subjectOf(wanted),
            after,
          });
        }
        return ensured;
      });
      if (!created) throw new Refusal("conflict", `there is a repository ${owner}/${body.name} already`);
      const folder = repositoryFolder(environment.gitDir, wanted);
      await mkdir(dirname(folder), { recursive: true });
      await createRepositoryFolder(folder, repository.default_branch);
      return present(repository);
    },

    async viewRepository({ params, principal }) {
      return present(await require(params, principal));
    },

    async changeRepository({ params, body, principal, request }) {
      const repository = await require(params, principal);
      const { default_branch: branch, jobs_max: jobsMax, weight, readable_by: readableBy } = body;
      if (jobsMax !== undefined) requireWholeFarm(principal, "sets how many jobs a repository may have at a time");
      if (branch !== undefined) await requireBranch(repository, branch);
      await inTransaction(db, async (tx) => {
        if (branch !== undefined) await setDefaultBranch(tx, { repositoryId: repository.id, branch });
        const limits = {
          ...(jobsMax === undefined ? {} : { jobsMax }),
          ...(weight === undefined ? {} : { weight }),
          ...(readableBy === undefined ? {} : { readableBy }),
        };
        if (Object.keys(limits).length > 0) await setRepositoryLimits(tx, { repositoryId: repository.id, ...limits });
        const before = auditShape(repository);
        const entry = { action: "repo.set", subject: subjectOf(repository), before, after: { ...before, ...body } };
        await recordAudit(tx, { ...auditAuthor(principal, request), ...entry });
      });
      if (branch !== undefined) await writeHead(repositoryFolder(environment.gitDir, repository), branch);
      const changed = await require(params, principal);
      if (branch !== undefined) await intake.readDefault(changed);
      return present(changed);
    },

    async deleteRepository({ params, principal, request }) {
      const repository = await require(params, principal);
      const folder = repositoryFolder(environment.gitDir, repository);
      await inTransaction(db, async (tx) => {
        if (!(await deleteRepository(tx, repository.id))) return;
        const entry = { action: "repo.delete", subject: subjectOf(repository), before: auditShape(repository) };
        await recordAudit(tx, { ...auditAuthor(principal, request), ...entry });
      });
      reader.close(folder);
      await removeRepositoryFolder(folder);
      return present(repository);
    },
  };

  async function requireBranch(repository: RepositoryRow, branch: string): Promise<void> {
    const folder = repositoryFolder(environment.gitDir, repository);
    if (!/^refs\/heads\/[^\s~^:?*[\\]+$/.test(`refs/heads/${branch}`)) {
      throw new Refusal("invalid", `'${branch}' is not a branch name`);
    }
    if ((await reader.read(folder, `refs/heads/${branch}`, 0)) === undefined) {
      throw new Refusal("invalid", `${repository.owner}/${repository.name} has no branch '${branch}'`, {
        hint: "push the branch first",
      });
    }
  }

  async function require(
    name: { readonly owner: string; readonly name: string },
    principal: Principal,
  ): Promise<RepositoryRow> {
    const repository = await findRepository(db, name);
    if (repository === undefined || !mayReach(principal, name.owner)) {
      throw new Refusal("not_found", `there is no repository ${name.owner}/${name.name}`, {
        hint: "a first push creates it",
      });
    }
    return repository;
  }

  function present(row: RepositoryRow): Repository {
    return {
      id: row.id,
      owner: row.owner,
      name: row.name,
      full_name: `${row.owner}/${row.name}`,
      default_branch: row.default_branch,
      language: row.language,
      jobs_max: row.jobs_max,
      weight: row.weight,
      readable_by: row.readable_by,
      clone_url: `${links.publicUrl()}/git/${row.owner}/${row.name}.git`,
      created_by: row.created_by,
      created_at: row.created_at.toISOString(),
    };
  }
}

function subjectOf({ owner, name }: { readonly owner: string; readonly name: string }): string {
  return `repo:${owner}/${name}`;
}

function auditShape(row: RepositoryRow): object {
  return {
    default_branch: row.default_branch,
    jobs_max: row.jobs_max,
    weight: row.weight,
    readable_by: row.readable_by,
  };
}
