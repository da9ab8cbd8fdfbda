/**
 * What a token may do. Every route declares one of these; a route that declares none does not start.
 * `none` is the explicit word for the two health routes.
 */
export const PERMISSIONS = [
  "farm:read",
  "metrics:read",
  "repository:read",
  "repository:push",
  "repository:create",
  "repository:manage",
  "run:read",
  "run:start",
  "run:cancel",
  "agent:read",
  "agent:join",
  "agent:manage",
  "pool:read",
  "pool:manage",
  "queue:read",
  "queue:manage",
  "audit:read",
  "token:manage",
  "variable:read",
  "variable:write",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ["admin", "developer", "reader"] as const;
export type Role = (typeof ROLES)[number];

const READER: readonly Permission[] = [
  "farm:read",
  "repository:read",
  "run:read",
  "agent:read",
  "pool:read",
  "queue:read",
];
const DEVELOPER: readonly Permission[] = [
  ...READER,
  "repository:push",
  "repository:create",
  "run:start",
  "run:cancel",
  "variable:read",
];
const ADMIN: readonly Permission[] = [
  ...DEVELOPER,
  "metrics:read",
  "repository:manage",
  "agent:manage",
  "pool:manage",
  "queue:manage",
  "audit:read",
  "token:manage",
  "variable:write",
];

/** The one table from role to permissions. `agent:join` belongs to join tokens alone. */
export const ROLE_PERMISSIONS: Record<Role, readonly Permission[]> = {
  admin: ADMIN,
  developer: DEVELOPER,
  reader: READER,
};
