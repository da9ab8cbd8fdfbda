import { isMapping, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { PermissionLevel, Permissions } from "@windrow/model";
import { permissionsOfAll } from "./permission-scopes.ts";
import { entriesOf } from "./tokens.ts";

/**
 * `permissions:` as what is granted: a map (an empty one grants nothing), `read-all` or `write-all`. Scopes and levels
 * that do not exist were complained about by the reader.
 */
export function readPermissions(token: TemplateToken): Permissions | undefined {
  if (isMapping(token)) {
    const granted: [string, PermissionLevel][] = [];
    for (const { key, value } of entriesOf(token)) {
      const level = value.toString();
      if (level === "read" || level === "write" || level === "none") granted.push([key, level]);
    }
    return Object.fromEntries(granted);
  }
  if (!isString(token)) return undefined;
  if (token.value === "read-all") return permissionsOfAll("read");
  return token.value === "write-all" ? permissionsOfAll("write") : undefined;
}
