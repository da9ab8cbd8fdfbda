import type { PermissionLevel, Permissions } from "@windrow/model";

/** Every scope of `permissions`, with the levels it has besides `none`. */
export const PERMISSION_SCOPES: ReadonlyMap<string, readonly PermissionLevel[]> = new Map([
  ...both(
    ..."actions artifact-metadata attestations checks code-quality contents deployments discussions".split(" "),
    ..."drives issues packages pages pull-requests repository-projects security-events statuses".split(" "),
    "vulnerability-alerts",
  ),
  ["copilot-requests", ["write"]],
  ["id-token", ["write"]],
  ["models", ["read"]],
]);

function both(...scopes: readonly string[]): [string, PermissionLevel[]][] {
  return scopes.map((scope) => [scope, ["read", "write"]]);
}

/** `read-all` and `write-all`: the highest level up to the one named, for every scope. */
export function permissionsOfAll(level: "read" | "write"): Permissions {
  const granted: [string, PermissionLevel][] = [];
  for (const [scope, levels] of PERMISSION_SCOPES) {
    const highest = level === "write" ? levels.at(-1) : levels.find((one) => one === "read");
    if (highest !== undefined) granted.push([scope, highest]);
  }
  return Object.fromEntries(granted);
}
