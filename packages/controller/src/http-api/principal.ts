import { type Permission, ROLE_PERMISSIONS, type Role } from "@windrow/contract";
import type { Permissions, Trust } from "@windrow/model";

/** Who calls, as its token says. */
export type Principal = UserPrincipal | JoinPrincipal | JobPrincipal;

export interface UserPrincipal {
  readonly kind: "user";
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  /** The only owner it reaches; null reaches all. */
  readonly owner: string | null;
}

export interface JoinPrincipal {
  readonly kind: "join";
  readonly tokenId: string;
  readonly name: string;
  readonly pool: string;
}

/** A running job: it may do with its own repository what its plan's permissions say, and read others that let it. */
export interface JobPrincipal {
  readonly kind: "job";
  readonly attemptId: string;
  readonly jobId: number;
  readonly repositoryId: number;
  /** `owner/name` */
  readonly repository: string;
  readonly trust: Trust;
  readonly permissions: Permissions;
}

/** What concerns the whole farm is not for a token that is bound to one owner, whatever its role. */
const WHOLE_FARM: readonly Permission[] = [
  "agent:manage",
  "pool:manage",
  "queue:manage",
  "token:manage",
  "audit:read",
  "metrics:read",
];

/** Everything this caller may do somewhere; `mayReach` says where. */
export function permissionsOf(principal: Principal): readonly Permission[] {
  switch (principal.kind) {
    case "user":
      return principal.owner === null
        ? ROLE_PERMISSIONS[principal.role]
        : ROLE_PERMISSIONS[principal.role].filter((permission) => !WHOLE_FARM.includes(permission));
    case "join":
      return ["agent:join"];
    case "job":
      return principal.permissions.actions === "write" ? ["run:start"] : [];
  }
}

/** Whether the caller's token reaches things of that owner. */
export function mayReach(principal: Principal, owner: string): boolean {
  return principal.kind === "user" && (principal.owner === null || principal.owner === owner);
}

const DEFAULT_OWNER = "me";

/** Whose repository is meant where only its name is given. */
export function ownOwner(principal: Principal): string {
  return (principal.kind === "user" ? principal.owner : null) ?? DEFAULT_OWNER;
}

/** What is shown as the author of what this caller does. */
export function actorOf(principal: Principal): string {
  switch (principal.kind) {
    case "user":
    case "join":
      return principal.name;
    case "job":
      return `job ${principal.jobId}`;
  }
}
