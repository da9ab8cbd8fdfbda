import { Refusal } from "@windrow/model";
import type { RepositoryRow } from "@windrow/store";
import { requirePermission } from "../http-api/guard.ts";
import {
  type JobPrincipal,
  mayReach,
  type Principal,
  permissionsOf,
  type UserPrincipal,
} from "../http-api/principal.ts";
import type { RepositoryName } from "./repository-folder.ts";

type Known = Pick<RepositoryRow, "id" | "readable_by">;

/** Throws `not_allowed` unless the caller may change the repository; `repository` is undefined where there is none yet. */
export function requireMayPush(
  principal: Principal,
  { owner, name }: RepositoryName,
  repository: Known | undefined,
): asserts principal is UserPrincipal | JobPrincipal {
  if (principal.kind === "job" && principal.repositoryId === repository?.id) {
    if (principal.permissions.contents === "write") return;
    throw new Refusal("not_allowed", "this job's token may only read its repository", {
      hint: "give the job `permissions: { contents: write }`",
    });
  }
  if (principal.kind === "job") {
    throw new Refusal("not_allowed", `this job may push to ${principal.repository} only`);
  }
  requirePermission(principal, "repository:push");
  if (!mayReach(principal, owner)) {
    throw new Refusal("not_allowed", `this token may not push to ${owner}/${name}`, {
      hint: `it reaches repositories of ${principal.kind === "user" ? (principal.owner ?? "all") : "none"} only`,
    });
  }
  if (repository === undefined) requirePermission(principal, "repository:create");
}

/** Throws `not_found`, or `not_allowed` for a job's own repository, unless the caller may read the repository. */
export function requireMayFetch(
  principal: Principal,
  { owner, name }: RepositoryName,
  repository: Known | undefined,
): asserts repository is Known {
  if (principal.kind === "job") return requireJobMayFetch(principal, { owner, name }, repository);
  const isReader = mayReach(principal, owner) && permissionsOf(principal).includes("repository:read");
  if (repository !== undefined && isReader) return;
  if (principal.kind === "join") requirePermission(principal, "repository:read");
  // the same words for what is not there and for what this token must not know of
  throw new Refusal("not_found", `there is no repository ${owner}/${name}`, { hint: "a first push creates it" });
}

function requireJobMayFetch(job: JobPrincipal, { owner, name }: RepositoryName, repository: Known | undefined): void {
  const contents = job.permissions.contents ?? "none";
  if (contents === "none") {
    throw new Refusal("not_allowed", "this job's token reads no repository", {
      hint: "give the job `permissions: { contents: read }`",
    });
  }
  if (repository !== undefined && mayJobRead(job, { ...repository, owner })) return;
  throw new Refusal("not_found", `there is no repository ${owner}/${name} that jobs of ${job.repository} may read`, {
    hint: `if there is one, its owner lets jobs in with \`windrow repo set ${owner}/${name} --readable-by owner\` (or farm)`,
  });
}

/** As hosted actions: a run that is not trusted reads what the whole farm reads, and its own repository. */
function mayJobRead(job: JobPrincipal, repository: Known & { readonly owner: string }): boolean {
  if (job.repositoryId === repository.id) return true;
  switch (repository.readable_by) {
    case "own":
      return false;
    case "owner":
      return job.trust === "trusted" && job.repository.startsWith(`${repository.owner}/`);
    case "farm":
      return true;
  }
}
