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
  setDefaultBranch,
} from "@windrow/store";
import {
  createRepositoryFolder,
  removeRepositoryFolder,
  repositoryFolder,
  writeHead,
} from "../../git/repository-folder.ts";
import type { ApiDeps } from "../api-deps.ts";
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

    async addRepository({ body, principal }) {
      const owner = body.owner ?? ownOwner(principal);
      if (!mayReach(principal, owner)) {
        throw new Refusal("not_allowed", `this token may not add repositories to ${owner}`);
      }
      const wanted = { owner, name: body.name };
      const { repository, created } = await inTransaction(db, (tx) =>
        ensureRepository(tx, {
          ...wanted,
          createdBy: actorOf(principal),
          ...(body.default_branch === undefined ? {} : { defaultBranch: body.default_branch }),
        }),
      );
      if (!created) throw new Refusal("conflict", `there is a repository ${owner}/${body.name} already`);
      const folder = repositoryFolder(environment.gitDir, wanted);
      await mkdir(dirname(folder), { recursive: true });
      await createRepositoryFolder(folder, repository.default_branch);
      return present(repository);
    },

    async viewRepository({ params, principal }) {
      return present(await require(params, principal));
    },

    async changeRepository({ params, body, principal }) {
      const repository = await require(params, principal);
      const folder = repositoryFolder(environment.gitDir, repository);
      if (!/^refs\/heads\/[^\s~^:?*[\\]+$/.test(`refs/heads/${body.default_branch}`)) {
        throw new Refusal("invalid", `'${body.default_branch}' is not a branch name`);
      }
      if ((await reader.read(folder, `refs/heads/${body.default_branch}`, 0)) === undefined) {
        throw new Refusal("invalid", `${repository.owner}/${repository.name} has no branch '${body.default_branch}'`, {
          hint: "push the branch first",
        });
      }
      await setDefaultBranch(db, { repositoryId: repository.id, branch: body.default_branch });
      await writeHead(folder, body.default_branch);
      const changed = await require(params, principal);
      await intake.readDefault(changed);
      return present(changed);
    },

    async deleteRepository({ params, principal }) {
      const repository = await require(params, principal);
      const folder = repositoryFolder(environment.gitDir, repository);
      await deleteRepository(db, repository.id);
      reader.close(folder);
      await removeRepositoryFolder(folder);
      return present(repository);
    },
  };

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
      clone_url: `${links.publicUrl()}/git/${row.owner}/${row.name}.git`,
      created_by: row.created_by,
      created_at: row.created_at.toISOString(),
    };
  }
}
