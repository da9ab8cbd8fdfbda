import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { isKnownShell, SHELL_NAMES } from "../shell-argv.ts";
import { positionOf, readTemplateText } from "./tokens.ts";

/** Steps for Windows are read; no agent of another system starts them. */
const WINDOWS_SHELLS = new Set(["cmd", "powershell"]);

/** A `shell:`; a name that is none of the known ones and holds no `{0}` is an error already here. */
export function readShell(token: TemplateToken, at: Position, diagnostics: Diagnostics): Template | undefined {
  const shell = readTemplateText(token, at, diagnostics);
  if (
    shell === undefined ||
    shell.includes("${{") ||
    isKnownShell(shell) ||
    WINDOWS_SHELLS.has(shell.trim().toLowerCase())
  )
    return shell;
  diagnostics.error(positionOf(token, at), {
    code: "unknown-shell",
    message: `unknown shell '${shell}'`,
    hint: `use one of ${SHELL_NAMES.join(", ")}, or a command with {0} in the place of the script`,
  });
  return shell;
}
