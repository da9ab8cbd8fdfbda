import type { JobDefinition, PermissionLevel, Permissions, Trust, WorkflowDefinition } from "@windrow/model";

/**
 * What a job may do whose file says nothing: the documented restricted default, which reads contents and packages. (The
 * permissive default of the documentation, which may write, is not offered.)
 */
export const DEFAULT_PERMISSIONS: Permissions = { contents: "read", packages: "read" };

const LEVELS: readonly PermissionLevel[] = ["none", "read", "write"];

/**
 * What the token of a job may do. The job's own `permissions` replace those of its workflow as a whole; a called
 * workflow can only narrow what the calling job may, and has just that when it says nothing; untrusted work writes
 * nothing.
 */
export function jobPermissions(
  scope: { readonly definition: Pick<WorkflowDefinition, "permissions">; readonly permissionsMax?: Permissions },
  job: Pick<JobDefinition, "permissions">,
  trust: Trust,
): Permissions {
  const declared = job.permissions ?? scope.definition.permissions;
  const wanted = declared ?? scope.permissionsMax ?? DEFAULT_PERMISSIONS;
  const allowed: [string, PermissionLevel][] = [];
  for (const [name, level] of Object.entries(wanted)) {
    const max = levelMax(scope.permissionsMax, name);
    const granted = lower(level, trust === "untrusted" ? lower(max, untrustedMax(name)) : max);
    if (granted !== "none") allowed.push([name, granted]);
  }
  return Object.fromEntries(allowed);
}

function levelMax(max: Permissions | undefined, name: string): PermissionLevel {
  if (max === undefined) return "write";
  return Object.hasOwn(max, name) ? (max[name] ?? "none") : "none";
}

/** A token for identities is made or not made; there is nothing to read of it. */
function untrustedMax(name: string): PermissionLevel {
  return name === "id-token" ? "none" : "read";
}

function lower(a: PermissionLevel, b: PermissionLevel): PermissionLevel {
  return LEVELS.indexOf(a) < LEVELS.indexOf(b) ? a : b;
}
